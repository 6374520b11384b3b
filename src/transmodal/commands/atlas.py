"""Write virtual subjects as image files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from transmodal.commands._clusters import Scheduler, Workers, working
from transmodal.commands._words import in_shell

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


Output = Annotated[Path, typer.Option("-o", "--output", help="Folder to write into.")]
Subjects = Annotated[int, typer.Option(min=1, help="How many virtual subjects.")]
Spacing = Annotated[float, typer.Option(min=0.5, max=10, help="Spacing around which each varies, mm.")]
Modalities = Annotated[str, typer.Option(help="Comma-separated; all by default.")]
HeadKept = Annotated[Head, typer.Option(help="Which subjects keep the head around the brain in T1.")]
MaskKind = Annotated[Mask, typer.Option(help="Where figures are taken.")]
Seed = Annotated[int, typer.Option(help="Same seed, same subjects.")]
Layout = Annotated[
    str,
    typer.Option(help="folders, or the release to write them as; it decides modalities, head and mask."),
]
Defects = Annotated[
    list[str] | None,
    typer.Option(help="What is wrong with the last subject of a release; may be repeated."),
]


class _Words(NamedTuple):
    """The words on which subjects are made, whatever they are written as."""

    subjects: int
    spacing_mm: float
    seed: int
    workers: int


def run(
    output: Output,
    subjects: Subjects = 16,
    spacing_mm: Spacing = 2.0,
    modalities: Modalities = "",
    head: HeadKept = Head.HALF,
    mask: MaskKind = Mask.BRAIN,
    seed: Seed = 2024,
    layout: Layout = "folders",
    defect: Defects = None,
    workers: Workers = None,
    scheduler: Scheduler = "",
) -> None:
    """Write virtual subjects made from the embedded atlas: T1 and FA are real anatomy, warped; the rest is simulated."""
    from transmodal.errors import UsageError
    from transmodal.storage import outputs

    outputs.check_folder(output)
    if defect and layout == "folders":
        raise UsageError("E004", "--defect with the layout folders", "a release", "Name one with --layout.")
    with working(scheduler, workers, 2, [output]) as n_processes:
        words = _Words(subjects, spacing_mm, seed, n_processes)
        if layout != "folders":
            _write_release(words, output, layout, defect or [])
        else:
            _write_folders(words, output, modalities, head, mask)


def _write_folders(words: _Words, output: Path, modalities: str, head: Head, mask: Mask) -> None:
    from transmodal.cohorts.simulation import atlas
    from transmodal.commands._progress import bars
    from transmodal.progress import report_stage
    from transmodal.storage import orphans

    options = atlas.AtlasOptions(
        spacing_mm=words.spacing_mm,
        modalities=tuple(modalities.split(",")) if modalities else atlas.MODALITIES,
        head=head.value,
        mask=mask.value,
    )
    with bars() as progress, orphans.cleared(output):
        atlas.write(
            atlas.subjects(words.subjects, options, seed=words.seed),
            output,
            progress=report_stage(progress, "virtual subjects"),
            workers=words.workers,
        )
    print(
        f"{_count(words.subjects)} in {output}. "
        f"Prepare: transmodal prepare folders {in_shell(output)} -o cohort{_split(words.subjects)}"
    )


def _write_release(words: _Words, output: Path, layout: str, defects: list[str]) -> None:
    from transmodal.cohorts.simulation import releases
    from transmodal.cohorts.simulation.release.defects import DEFECTS
    from transmodal.commands._progress import bars
    from transmodal.errors import UsageError
    from transmodal.progress import report_stage
    from transmodal.storage import orphans

    listed = [defect for defect in DEFECTS if defect in defects]
    if len(listed) != len(set(defects)):
        expected = ", ".join(DEFECTS)
        raise UsageError("E001", f"--defect {' '.join(defects)}", expected, "Correct it.")
    with bars() as progress, orphans.cleared(output):
        releases.write(
            layout,
            words.subjects,
            output,
            spacing_mm=words.spacing_mm,
            seed=words.seed,
            defects=listed,
            progress=report_stage(progress, "virtual subjects"),
            workers=words.workers,
        )
    release = releases.release_of(layout)
    settings = "".join(f" --with {setting}" for setting in release.settings)
    print(
        f"{_count(words.subjects)} as {layout} in {output}. "
        f"Prepare: transmodal prepare {release.layout} {in_shell(output)} -o cohort{settings}{_split(words.subjects)}"
    )


def _split(n: int) -> str:
    """Return the option without which a few subjects cannot be prepared: they do not make three sides."""
    return "" if n >= 3 else " --split 1:0:0"


def _count(n: int) -> str:
    return "1 virtual subject" if n == 1 else f"{n} virtual subjects"
