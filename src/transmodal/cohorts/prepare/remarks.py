"""Remarks on surveyed and on prepared cases, in lines for their owner: what to look at, and what was assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from transmodal.cohorts.prepare.survey import CaseSurvey
from transmodal.cohorts.prepare.validate import read_rgb_notes
from transmodal.cohorts.quality.assumed_spacing import REMEDY, list_assumed
from transmodal.cohorts.quality.duplicates import find_near_duplicates
from transmodal.cohorts.quality.pair_notes import PairMeasures, read_cohort
from transmodal.cohorts.quality.pairs import find_contradicted, find_doubtful
from transmodal.cohorts.steps.coregistration import find_dissimilar
from transmodal.cohorts.store import Cohort
from transmodal.counts import counted


def has_faults(surveys: Sequence[CaseSurvey], *, strict_pairs: bool) -> bool:
    """Return whether some case has a fault, or with `strict_pairs` a pair of contrasts to look at."""
    if any(case.faults for case in surveys):
        return True
    return strict_pairs and bool(find_doubtful({case.id: case.pairs for case in surveys}))


def survey_lines(
    surveys: Sequence[CaseSurvey], left_out: Sequence[str], ignored: Sequence[str]
) -> Iterator[str]:
    """Yield the images and faults of every case, the files left aside, the pairs to look at, and how many there are.

    Args:
        surveys: of the cases.
        left_out: cases that lack something, each with the reason.
        ignored: files that were not taken, each with the reason.
    """
    for case in surveys:
        yield f"{case.id} (patient {case.patient})"
        yield from (f"  {line}" for line in case.images)
        yield from (f"  to do: {line}" for line in case.pending)
        yield from (f"  wrong: {line}" for line in case.faults)
    yield from (f"  left out: {line}" for line in left_out)
    yield from (f"  ignored: {line}" for line in ignored)
    yield from _pair_lines({case.id: case.pairs for case in surveys})
    yield from _copy_lines(surveys)
    n_faulty = sum(bool(case.faults) for case in surveys)
    yield (
        f"{counted(len(surveys), 'case')}, {n_faulty} with something wrong; {len(left_out)} left out. Nothing was written."
    )


def cohort_lines(cohort: Cohort) -> Iterator[str]:
    """Yield what to know of a prepared cohort beside its sizes: repairs, assumptions, registrations, pairs to look at."""
    if cohort.repaired:
        parts = ", ".join(f"{case} ({damage})" for case, damage in cohort.repaired.items())
        yield f"damaged and repaired from its source: {parts}"
    if cohort.split.by == "within-subject":
        yield "within-subject: slabs of one body stand on all sides; figures hold for this body alone"
    notes = {case.id: case.notes for case in cohort.manifest.cases}
    yield from _rgb_lines(notes)
    yield from _spacing_lines(notes)
    yield from _registration_lines(notes)
    yield from _fa_lines(notes)
    yield from _pair_lines(read_cohort(cohort.manifest.cases))


def summarise(cohort: Cohort) -> dict[str, object]:
    """Return a prepared cohort in figures, JSON-able: its sizes, what was left out or repaired, the pairs to look at."""
    return {
        "cohort": str(cohort.folder),
        "digest": cohort.digest(),
        "modalities": list(cohort.modalities),
        "cases": len(cohort.cases()),
        "split": {name: len(cohort.split.ids(name)) for name in ("train", "validation", "test")},
        "left_out": dict(cohort.manifest.left_out),
        "repaired": dict(cohort.repaired),
        "look_at": [
            {"case": check.case, "why": check.line()}
            for check in find_doubtful(read_cohort(cohort.manifest.cases))
        ],
    }


def _pair_lines(cases: Mapping[str, PairMeasures]) -> Iterator[str]:
    """Yield which pairs to look at and what to do, and those that only seem to lie beside one another."""
    for check in find_doubtful(cases):
        yield f"look at {check.case}: {check.line()}"
    for check in find_contradicted(cases):
        yield f"not taken for a shift in {check.case}: {check.line()}"


def _copy_lines(surveys: Sequence[CaseSurvey]) -> Iterator[str]:
    """Yield which images of two patients are copies of one."""
    patients = {case.id: case.patient for case in surveys}
    for copies in find_near_duplicates({case.id: case.details for case in surveys}, patients):
        yield f"copies of one image under two patients' names: {copies.line()}"


def _rgb_lines(notes: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield which images were grey and stored as RGB."""
    counts = Counter(image for own in notes.values() for image in read_rgb_notes(own))
    if counts:
        images = ", ".join(f"{image} of {counted(n, 'case')}" for image, n in sorted(counts.items()))
        yield f"grey stored as RGB, taken as grey: {images}"


def _spacing_lines(notes: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield how many spacings were assumed, and what that means."""
    cases = list_assumed(notes.items())
    if cases:
        yield (
            f"spacing not said, taken as 1 mm: {counted(len(cases), 'case')}, which a recipe with another data.spacing_mm refuses. "
            f"{REMEDY}."
        )


def _registration_lines(notes: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield the least sure registrations, where there were some, and those to look at."""
    scores = {case: own["registration_mm"] for case, own in notes.items() if "registration_mm" in own}
    worst = sorted(scores, key=lambda case: (-scores[case], case))
    if worst:
        examples = ", ".join(f"{case} {scores[case]:.2f}" for case in worst[:3])
        yield f"registered: {counted(len(worst), 'case')}; the two directions differ most, in mm, for {examples}"
    dissimilar = find_dissimilar(notes)
    if dissimilar:
        yield f"look at these, whose contrasts are much less alike than the others': {', '.join(dissimilar)}"


def _fa_lines(notes: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield where FA is outside [0, 1], which noise does and resampling by splines."""
    shares = {case: own.get("fa_outside", 0.0) for case, own in notes.items()}
    cases = sorted((case for case, share in shares.items() if share > 0), key=lambda case: -shares[case])
    if cases:
        examples = ", ".join(f"{case} {100 * shares[case]:.2g} %" for case in cases[:3])
        yield f"fa outside [0, 1]: {counted(len(cases), 'case')}; most voxels in {examples}"
