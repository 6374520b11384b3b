"""Prepare a cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from transmodal.commands._layout_help import LayoutCommand
from transmodal.commands._reading import (
    AssumeOrientation,
    Frame,
    Nonfinite,
    NonfiniteVoxels,
    OrientationFrom,
    reading_of,
)
from transmodal.commands._splitting import (
    PANEL,
    SPLIT_HELP,
    Copies,
    Counts,
    Fold,
    GroupBy,
    Groups,
    SamePatient,
    Seed,
    TestGroup,
    sizes,
)

if TYPE_CHECKING:
    from transmodal.cohorts.case import CaseMaker
    from transmodal.cohorts.layouts import FolderContents
    from transmodal.cohorts.prepare.survey import Finding
    from transmodal.cohorts.store import Cohort
    from transmodal.volumes.intensity import IntensitySpec

Kind = Literal["whole", "body", "brain", "around_brain"]

COMMAND = LayoutCommand
EXAMPLES = (
    "Examples:\n\ntransmodal prepare folders subjects -o cohort --for t1-to-fa-small --split 8:1:1\n\n"
    "transmodal prepare brats ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData --dry-run\n\n"
    "transmodal prepare ixi IXI -o cohort --with onto=t1 --split syndiff --keep-going\n\n"
    "transmodal prepare ixi --help          (what the layout expects on the disk, and its keys)"
)


def run(
    layout: Annotated[
        str,
        typer.Argument(help="How the data lie, such as folders; the layouts are listed below."),
    ],
    folder: Annotated[Path, typer.Argument(help="Folder of the data.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Cohort folder to write, or to continue.")
    ] = None,
    told: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="KEY=VALUE for the layout, such as onto=t1; may be repeated. `transmodal prepare LAYOUT --help` lists "
            "the keys.",
        ),
    ] = None,
    subjects: Annotated[
        list[str] | None,
        typer.Option(
            help="Subjects to take, as names of cases or patients, such as a,b; may be repeated. All by default."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Read all, say what was found and what is wrong, write nothing."),
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write whose each pseudonymous case is, as CSV, for the owner of the data; of DICOM, with or without "
            "--dry-run.",
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            help="Mask to compute from a source: body, brain or around_brain (5 mm more), such as t1=brain; may be "
            "repeated."
        ),
    ] = None,
    recipes: Annotated[
        list[str] | None,
        typer.Option("--for", help="Recipe whose masks to compute; may be repeated."),
    ] = None,
    intensity: Annotated[
        list[str] | None,
        typer.Option(
            help="Intensity map of a modality, such as ct=window:-1000:2000; recipes that set none train with it. Values "
            "without a unit, such as 8-bit pictures of CT, need theirs: ct=window:0:255. May be repeated."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV with the columns label and name: what the segmentation's labels are called in reports."
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help=f"{SPLIT_HELP}; or the first patients by name, as papers have them: syndiff (25, 5, 10), "
            "resvit-ixi (25, 10, 18), resvit-brats (25, 10, 20).",
            rich_help_panel=PANEL,
        ),
    ] = "8:1:1",
    counts: Counts = "",
    fold: Fold = "",
    test_group: TestGroup = "",
    seed: Seed = 2024,
    groups: Groups = None,
    group_by: GroupBy = "",
    same_patient: SamePatient = None,
    copies: Copies = "refuse",
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    nonfinite: NonfiniteVoxels = Nonfinite.REFUSE,
    orientation_from: OrientationFrom = None,
    assume_orientation: AssumeOrientation = None,
    frame: Frame = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out cases that fail, and say so.")
    ] = False,
    strict_pairs: Annotated[
        bool,
        typer.Option(
            "--strict-pairs",
            help="Take a case whose contrasts do not seem to lie on one another, or to be of one patient, for one "
            "that fails; without it, it is only named.",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object instead: the cohort, its sizes, what to look at."),
    ] = False,
) -> None:
    """Turn images into a prepared cohort: checked, oriented, hashed, memory-mapped, split by patient.

    Preparing twice does nothing; preparing after an interruption goes on.
    """
    import json

    from transmodal.cohorts import layouts
    from transmodal.commands import _preparing
    from transmodal.commands._progress import bars

    reading = reading_of(nonfinite, orientation_from, assume_orientation, frame)
    found = layouts.select_subjects(
        layouts.find(layout, folder, told or [], reading), _preparing.listed(subjects or [])
    )
    if key is not None:
        _write_key(found, layout, key, output)
    if dry_run:
        raise typer.Exit(
            _survey(found, _preparing.intensities(intensity or []), workers, strict_pairs=strict_pairs)
        )
    _preparing.say(found)
    with bars() as shown:
        cohort = _preparing.prepared(
            found,
            _named(output),
            _preparing.Masks(region or [], recipes or []),
            intensity or [],
            _preparing.Splitting(
                split, counts, fold, test_group, seed, groups or [], group_by, same_patient or [], copies
            ),
            labels=labels,
            keep_going=keep_going,
            strict_pairs=strict_pairs,
            workers=workers,
            progress=shown,
        )
        page = _preparing.draw(cohort, workers, shown)
    if as_json:
        print(json.dumps(_preparing.summary(cohort, page), indent=1))
        return
    print(f"{output}: {len(cohort.cases())} cases with {', '.join(cohort.modalities)}; {sizes(cohort)}")
    if cohort.split.by == "within-subject":
        print("within-subject: slabs of one body stand on all sides; figures hold for this body alone")
    _say_as_rgb(cohort)
    _say_assumed(cohort)
    _say_registered(cohort)
    _say_outside(cohort)
    _say_doubts({one.id: one.notes for one in cohort.manifest.cases})
    if page is not None:
        print(f"every pair is shown in {page}")


def _named(output: Path | None) -> Path:
    from transmodal.errors import UsageError

    if output is None:
        raise UsageError("E001", "no -o", "-o COHORT, a folder to write", "Name it, or say --dry-run.")
    return output


def _write_key(found: FolderContents[CaseMaker], layout: str, path: Path, output: Path | None) -> None:
    """Write whose the cases are into a file that its owner alone can read."""
    from transmodal.cohorts.prepare import key_file
    from transmodal.errors import UsageError

    if not found.key:
        raise UsageError(
            "E004",
            f"--key with the layout {layout}",
            "dicom, whose cases are called by pseudonyms",
            "Leave it out.",
        )
    key_file.write(found.key, path, output)
    print(
        f"{path}: whose the {len({row['case'] for row in found.key})} cases are. Keep it apart from the cohort."
    )


def _survey(
    found: FolderContents[CaseMaker], maps: Mapping[str, IntensitySpec], workers: int, *, strict_pairs: bool
) -> int:
    """Print what was found and what is wrong; return the exit status, 3 where something is."""
    from transmodal.cohorts.prepare.survey import survey
    from transmodal.commands._progress import bars

    with bars() as shown:
        findings = survey(
            found.cases,
            intensity=maps,
            progress=lambda case, done, total: shown.advance("look", done, total, case),
            workers=workers,
        )
    for one in findings:
        print(f"{one.id} (patient {one.patient})")
        _print_lines("", one.found)
        _print_lines("to do: ", one.waiting)
        _print_lines("wrong: ", one.wrong)
    _print_lines("left out: ", found.left_out)
    _print_lines("ignored: ", found.ignored)
    odd = _say_doubts({one.id: one.pairs for one in findings})
    _say_copies(findings)
    wrong = sum(bool(one.wrong) for one in findings)
    print(
        f"{len(findings)} cases, {wrong} with something wrong; {len(found.left_out)} left out. Nothing was written."
    )
    return 3 if wrong or (strict_pairs and odd) else 0


def _print_lines(head: str, lines: Sequence[str]) -> None:
    for line in lines:
        print(f"  {head}{line}")


def _say_as_rgb(cohort: Cohort) -> None:
    """Print which images were grey and stored as RGB."""
    from collections import Counter

    from transmodal.cohorts.prepare.validate import stored_as_rgb

    counts = Counter(what for one in cohort.manifest.cases for what in stored_as_rgb(one.notes))
    if counts:
        said = ", ".join(f"{what} of {n} cases" for what, n in sorted(counts.items()))
        print(f"grey stored as RGB, taken as grey: {said}")


def _say_assumed(cohort: Cohort) -> None:
    """Print that spacings were assumed, and what that means."""
    from transmodal.cohorts.quality.assumed_spacing import SAY_IT, with_assumed

    cases = with_assumed((one.id, one.notes) for one in cohort.manifest.cases)
    if cases:
        print(
            f"spacing not said, taken as 1 mm: {len(cases)} cases, which a recipe with another data.spacing_mm refuses. "
            f"{SAY_IT}."
        )


def _say_registered(cohort: Cohort) -> None:
    """Print the least sure registrations, where there were some, and those to look at."""
    from transmodal.cohorts.steps.coregistration import doubtful

    notes = {one.id: one.notes for one in cohort.manifest.cases}
    scores = {case: one["registration_mm"] for case, one in notes.items() if "registration_mm" in one}
    worst = sorted(scores, key=lambda case: (-scores[case], case))
    if worst:
        some = ", ".join(f"{case} {scores[case]:.2f}" for case in worst[:3])
        print(f"registered: {len(worst)} cases; the two directions differ most, in mm, for {some}")
    odd = doubtful(notes)
    if odd:
        print(f"look at these, whose contrasts are much less alike than the others': {', '.join(odd)}")


def _say_doubts(notes: Mapping[str, Mapping[str, float]]) -> int:
    """Print which pairs to look at and what to do; return how many there are."""
    from transmodal.cohorts.quality.pairs import contradicted, doubts

    odd = doubts(notes)
    for one in odd:
        print(f"look at {one.case}: {one.line()}")
    for one in contradicted(notes):
        print(f"not taken for a shift in {one.case}: {one.line()}")
    return len(odd)


def _say_copies(findings: Sequence[Finding]) -> None:
    """Print which images of two patients are copies of one."""
    from transmodal.cohorts.quality.duplicates import near_duplicates

    patients = {one.id: one.patient for one in findings}
    for pair in near_duplicates({one.id: one.details for one in findings}, patients):
        print(f"copies of one image under two patients' names: {pair.line()}")


def _say_outside(cohort: Cohort) -> None:
    """Print where FA is outside [0, 1], which noise does and resampling by splines."""
    shares = {one.id: one.notes.get("fa_outside", 0.0) for one in cohort.manifest.cases}
    odd = sorted((case for case, share in shares.items() if share > 0), key=lambda case: -shares[case])
    if odd:
        some = ", ".join(f"{case} {100 * shares[case]:.2g} %" for case in odd[:3])
        print(f"fa outside [0, 1]: {len(odd)} cases; most voxels in {some}")
