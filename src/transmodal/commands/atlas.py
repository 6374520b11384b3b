"""Write virtual subjects as image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = "Example:  transmodal atlas -o subjects --subjects 4 --modalities t1,fa"


def run(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into.")],
    subjects: Annotated[int, typer.Option(min=1, help="How many virtual subjects.")] = 16,
    spacing_mm: Annotated[
        float, typer.Option(min=0.5, max=10, help="Spacing around which each varies, mm.")
    ] = 2.0,
    modalities: Annotated[str, typer.Option(help="Comma-separated; all by default.")] = "",
    seed: Annotated[int, typer.Option(help="Same seed, same subjects.")] = 2024,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Write virtual subjects made from the embedded atlas: T1 and FA are real anatomy, warped; the rest is simulated."""
    from transmodal.cohorts import atlas
    from transmodal.commands._progress import bars

    options = atlas.AtlasOptions(spacing_mm=spacing_mm)
    if modalities:
        options = atlas.AtlasOptions(spacing_mm=spacing_mm, modalities=tuple(modalities.split(",")))
    with bars() as shown:
        atlas.write(
            atlas.subjects(subjects, options, seed=seed),
            output,
            progress=lambda case, done, total: shown.advance("virtual subjects", done, total, case),
            workers=workers,
        )
    print(
        f"{subjects} virtual subjects in {output}. Prepare them: transmodal prepare folders {output} -o cohort"
    )
