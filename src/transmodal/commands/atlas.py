"""Write virtual subjects as image files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\ntransmodal atlas -o subjects --subjects 4 --modalities t1,fa\n\n"
    "transmodal atlas -o heads --modalities t1,ct --head always --mask head\n\n"
    "transmodal atlas -o release --layout brats2023 --subjects 4 --defect missing\n\n"
    "Layouts: folders, synthrad2023, synthrad2025, brats2020, brats2021, brats2023, ixi, abcd, diffusion, korean_human, dicom, bids, slices. Defects: "
    "missing, axis-order, oblique, unregistered, wrong-name."
)


class Head(StrEnum):
    """Which subjects keep the head in T1."""

    HALF = "half"
    ALWAYS = "always"
    NEVER = "never"


class Mask(StrEnum):
    """Region where figures are taken."""

    BRAIN = "brain"
    HEAD = "head"


def run(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into.")],
    subjects: Annotated[int, typer.Option(min=1, help="How many virtual subjects.")] = 16,
    spacing_mm: Annotated[
        float, typer.Option(min=0.5, max=10, help="Spacing around which each varies, mm.")
    ] = 2.0,
    modalities: Annotated[str, typer.Option(help="Comma-separated; all by default.")] = "",
    head: Annotated[
        Head, typer.Option(help="Which subjects keep the head around the brain in T1.")
    ] = Head.HALF,
    mask: Annotated[Mask, typer.Option(help="Where figures are taken.")] = Mask.BRAIN,
    seed: Annotated[int, typer.Option(help="Same seed, same subjects.")] = 2024,
    layout: Annotated[
        str,
        typer.Option(help="folders, or the release to write them as; it decides modalities, head and mask."),
    ] = "folders",
    defect: Annotated[
        list[str] | None,
        typer.Option(help="What is wrong with the last subject of a release; may be repeated."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Write virtual subjects made from the embedded atlas: T1 and FA are real anatomy, warped; the rest is simulated."""
    from transmodal.storage import orphans, outputs

    outputs.check_folder(output)
    if layout != "folders":
        _write_release(layout, subjects, output, spacing_mm, seed, defect or [], workers)
        return
    from transmodal.cohorts.simulation import atlas
    from transmodal.commands._progress import bars
    from transmodal.errors import UsageError

    if defect:
        raise UsageError("E004", "--defect with the layout folders", "a release", "Name one with --layout.")
    options = atlas.AtlasOptions(
        spacing_mm=spacing_mm,
        modalities=tuple(modalities.split(",")) if modalities else atlas.MODALITIES,
        head=head.value,
        mask=mask.value,
    )
    with bars() as progress, orphans.cleared_on_failure(output):
        atlas.write(
            atlas.subjects(subjects, options, seed=seed),
            output,
            progress=lambda case, n_done, total: progress.advance("virtual subjects", n_done, total, case),
            workers=workers,
        )
    print(
        f"{subjects} virtual subjects in {output}. Prepare them: transmodal prepare folders {output} -o cohort"
    )


def _write_release(
    layout: str,
    subjects: int,
    output: Path,
    spacing_mm: float,
    seed: int,
    defects: list[str],
    workers: int,
) -> None:
    from transmodal.cohorts.simulation import releases
    from transmodal.cohorts.simulation.release_defects import DEFECTS
    from transmodal.commands._progress import bars
    from transmodal.errors import UsageError
    from transmodal.storage import orphans

    listed = [defect for defect in DEFECTS if defect in defects]
    if len(listed) != len(set(defects)):
        expected = ", ".join(DEFECTS)
        raise UsageError("E001", f"--defect {' '.join(defects)}", expected, "Correct it.")
    with bars() as progress, orphans.cleared_on_failure(output):
        releases.write(
            layout,
            subjects,
            output,
            spacing_mm=spacing_mm,
            seed=seed,
            defects=listed,
            progress=lambda case, n_done, total: progress.advance("virtual subjects", n_done, total, case),
            workers=workers,
        )
    release = releases.release_of(layout)
    settings = "".join(f" --with {setting}" for setting in release.settings)
    print(
        f"{subjects} virtual subjects as {layout} in {output}. "
        f"Prepare them: transmodal prepare {release.layout} {output} -o cohort{settings}"
    )
