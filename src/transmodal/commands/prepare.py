"""Prepare a cohort."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
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
    asked,
    relations,
    sides_of,
    sizes,
)

if TYPE_CHECKING:
    from transmodal.cohorts.case import CaseMaker, Found
    from transmodal.cohorts.store import Cohort
    from transmodal.cohorts.survey import Finding
    from transmodal.volumes.intensity import IntensitySpec

Kind = Literal["whole", "body", "brain", "around_brain"]

COMMAND = LayoutCommand
EXAMPLES = (
    "Examples:\n\ntransmodal prepare folders subjects -o cohort --for t1-to-fa-small --split 8:1:1\n\n"
    "transmodal prepare brats ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData --dry-run\n\n"
    "transmodal prepare ixi IXI -o cohort --with onto=t1 --split syndiff --keep-going\n\n"
    "transmodal prepare ixi --help          (what the layout expects on the disk, and its keys)\n\n"
    "Layouts: folders (subjects/<case>/<modality>.nii.gz), synthrad, brats, ixi, t1_fa, korean_human, dicom, bids, pairs, slices; each is shown in "
    "the how-to pages."
)


def run(
    layout: Annotated[
        str,
        typer.Argument(
            help="How the data lie: folders, synthrad, brats, ixi, t1_fa, korean_human, dicom, bids, pairs or slices."
        ),
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
) -> None:
    """Turn images into a prepared cohort: checked, oriented, hashed, memory-mapped, split by patient.

    Preparing twice does nothing; preparing after an interruption goes on.
    """
    from transmodal.cohorts import label_names, layouts
    from transmodal.cohorts.prepare import PrepareOptions, prepare
    from transmodal.cohorts.split import COMMUNITY, sides_in_order
    from transmodal.commands._progress import bars

    related = relations(same_patient, groups, group_by)
    reading = reading_of(nonfinite, orientation_from, assume_orientation, frame)
    found = layouts.chosen(layouts.look(layout, folder, told or [], reading), _listed(subjects or []))
    if key is not None:
        _write_key(found, layout, key, output)
    if dry_run:
        raise typer.Exit(_survey(found, _intensities(intensity or []), workers, strict_pairs=strict_pairs))
    _say(found)
    cases, sides = found.cases, {} if fold or test_group else found.sides
    shares = "8:1:1" if split in COMMUNITY or split.endswith(".json") else split
    if split.endswith(".json"):
        sides = sides_of(Path(split), [case.id for case in cases])
    if split in COMMUNITY:
        sides = sides_in_order(cases, COMMUNITY[split])
        cases = [case for case in cases if case.id in sides]
    options = PrepareOptions(
        regions=_regions(region or [], recipes or [], _modalities(cases)),
        intensity=_intensities(intensity or []),
        labels=label_names.read(labels) if labels is not None else dict(found.labels),
        **asked(split=shares, counts=counts, seed=seed, fold=fold, test_group=test_group, copies=copies),
        keep_going=keep_going,
        strict_pairs=strict_pairs,
    )
    with bars() as shown:
        cohort = prepare(
            cases,
            _named(output),
            options,
            sides=sides,
            within_subject=found.within_subject and sides is found.sides,
            relations=related,
            progress=lambda case, done, total: shown.advance("prepare", done, total, case),
            workers=workers,
        )
    print(f"{output}: {len(cohort.cases())} cases with {', '.join(cohort.modalities)}; {sizes(cohort)}")
    if cohort.split.by == "within-subject":
        print("within-subject: slabs of one body stand on all sides; figures hold for this body alone")
    _say_registered(cohort)
    _say_outside(cohort)
    _say_doubts({one.id: one.notes for one in cohort.manifest.cases})
    _draw(cohort, workers)


def _listed(words: Sequence[str]) -> list[str]:
    return [name.strip() for word in words for name in word.split(",") if name.strip()]


def _named(output: Path | None) -> Path:
    from transmodal.errors import UsageError

    if output is None:
        raise UsageError("E001", "no -o", "-o COHORT, a folder to write", "Name it, or say --dry-run.")
    return output


def _write_key(found: Found[CaseMaker], layout: str, path: Path, output: Path | None) -> None:
    """Write whose the cases are into a file that its owner alone can read."""
    from transmodal.cohorts import key_file
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
    found: Found[CaseMaker], maps: Mapping[str, IntensitySpec], workers: int, *, strict_pairs: bool
) -> int:
    """Print what was found and what is wrong; return the exit status, 3 where something is."""
    from transmodal.cohorts.survey import survey
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


def _say(found: Found[CaseMaker]) -> None:
    log = logging.getLogger(__name__)
    for line in found.ignored:
        log.warning("ignored: %s", line)
    for line in found.left_out:
        log.warning("left out: %s", line)


def _say_registered(cohort: Cohort) -> None:
    """Print the least sure registrations, where there were some, and those to look at."""
    from transmodal.cohorts.onto import doubtful

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
    from transmodal.cohorts.doubts import doubts

    odd = doubts(notes)
    for one in odd:
        print(f"look at {one.case}: {one.line()}")
    return len(odd)


def _say_copies(findings: Sequence[Finding]) -> None:
    """Print which images of two patients are copies of one."""
    from transmodal.cohorts.duplicates import near_duplicates

    patients = {one.id: one.patient for one in findings}
    for pair in near_duplicates({one.id: one.details for one in findings}, patients):
        print(f"copies of one image under two patients' names: {pair.line()}")


def _draw(cohort: Cohort, workers: int) -> None:
    """Write the cohort's page; a cohort stands without one."""
    from transmodal.commands._progress import bars
    from transmodal.errors import TransmodalError
    from transmodal.evaluation import cohort_page

    with bars() as shown:
        try:
            path = cohort_page.write(
                cohort,
                workers=workers,
                progress=lambda case, done, total: shown.advance("draw", done, total, case),
            )
        except TransmodalError as error:
            logging.getLogger(__name__).warning("no cohort.html: %s", error.line())
            return
    print(f"every pair is shown in {path}")


def _say_outside(cohort: Cohort) -> None:
    """Print where FA is outside [0, 1], which noise does and resampling by splines."""
    shares = {one.id: one.notes.get("fa_outside", 0.0) for one in cohort.manifest.cases}
    odd = sorted((case for case, share in shares.items() if share > 0), key=lambda case: -shares[case])
    if odd:
        some = ", ".join(f"{case} {100 * shares[case]:.2g} %" for case in odd[:3])
        print(f"fa outside [0, 1]: {len(odd)} cases; most voxels in {some}")


def _modalities(cases: Sequence[CaseMaker]) -> set[str]:
    """Return what the cases have, as far as their files say it before they are read."""
    return {modality for case in cases for modality in getattr(case, "volumes", {})}


def _regions(words: list[str], recipes: list[str], there: Collection[str]) -> dict[str, tuple[Kind, ...]]:
    from transmodal.cohorts.aliases import alias_of
    from transmodal.errors import UsageError
    from transmodal.recipes import load

    kinds: dict[str, Kind] = {"body": "body", "brain": "brain", "around_brain": "around_brain"}
    found: dict[str, tuple[Kind, ...]] = {}
    for word in words:
        modality, _, kind = word.partition("=")
        if not modality or kind not in kinds:
            raise UsageError(
                "E001", f"--region {word}", "MODALITY=body, brain or around_brain", "Correct it."
            )
        found[modality] = (*found.get(modality, ()), kinds[kind])
    for recipe in recipes:
        wanted = load.load(recipe)
        kind_of = wanted.data.region
        first = alias_of(wanted.task.source[0], there) or wanted.task.source[0]
        if kind_of != "whole" and kind_of not in found.get(first, ()):
            found[first] = (*found.get(first, ()), kind_of)
    return found


def _intensities(words: list[str]) -> dict[str, IntensitySpec]:
    from transmodal.errors import UsageError
    from transmodal.volumes.intensity import IntensitySpec

    found = {}
    for word in words:
        modality, _, spec = word.partition("=")
        method, *ends = spec.split(":")
        try:
            if not modality or len(ends) not in (0, 2):
                raise ValueError(word)
            found[modality] = IntensitySpec(method, *(float(end) for end in ends))  # type: ignore[arg-type]  # it checks itself
        except ValueError as error:
            raise UsageError(
                "E001",
                f"--intensity {word}",
                "MODALITY=window:LOW:HIGH, =percentile:LOW:HIGH, =zscore or =minmax",
                "Correct it.",
            ) from error
    return found
