"""The split that was asked for: shares, counts, one of several folds, or one group held out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.split.split import Split, groups_of, rank_groups, shares, split_by_group
from transmodal.errors import InputError, UsageError


def split_as(cases: Sequence[CaseEntry], options: PrepareOptions) -> Split:
    """Split cases as the options ask for; no patient and no group stands on two sides.

    Args:
        cases: the cohort's cases.
        options: `fold`, else `test_group`, else `counts`, else `ratios`; with `seed`.

    Raises:
        UsageError: E001 for numbers that make no sense, E004 for a fold and a held-out group at once.
        InputError: E132 for too few patients or groups, or a group that no case has.
    """
    if options.fold is not None and options.test_group:
        raise UsageError("E004", "a fold and a group held out", "one of them", "Leave one out.")
    if options.fold is not None:
        return _fold(cases, options, *options.fold)
    if options.test_group:
        return _held_out(cases, options, options.test_group)
    return split_by_group(cases, options.ratios, counts=options.counts, seed=options.seed)


def _fold(cases: Sequence[CaseEntry], options: PrepareOptions, number: int, folds: int) -> Split:
    """Test every `folds`-th group of the seed's ranking; over all folds each group is tested once."""
    if not 0 <= number < folds or folds < 2:
        raise UsageError(
            "E001", f"fold {number} of {folds}", "0 to one less than two folds or more", "Correct it."
        )
    groups = rank_groups(groups_of(cases), options.seed)
    if len(groups) < folds:
        raise InputError(
            "E132",
            f"{len(groups)} patients or groups for {folds} folds",
            f"{folds} or more",
            "Use fewer folds.",
        )
    tested = set(groups[number::folds])
    return _with_test(cases, options, tested, f"fold {number} of {folds}")


def _held_out(cases: Sequence[CaseEntry], options: PrepareOptions, group: str) -> Split:
    mine = {case.id for case in cases if case.group == group}
    if not mine:
        groups = sorted({case.group for case in cases if case.group})
        raise InputError(
            "E132",
            f"no case of the group {group!r}",
            ", ".join(groups[:8]) or "cases with groups",
            "Correct the name; groups come from a table (--groups, --group-by), or from the layout when it is prepared (transmodal prepare ixi --with group=site).",
        )
    tested = {name for name, ids in groups_of(cases).items() if mine.intersection(ids)}
    return _with_test(cases, options, tested, f"{group} held out")


def _with_test(cases: Sequence[CaseEntry], options: PrepareOptions, tested: set[str], how: str) -> Split:
    """Divide the cases that are not tested between training and validation, by their shares."""
    groups = groups_of(cases)
    untested = [name for name in rank_groups(groups, options.seed) if name not in tested]
    _, validation, _ = shares((options.ratios[0], options.ratios[1], 0), len(untested))

    def cases_of(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(case for name in names for case in groups[name]))

    return Split(
        seed=options.seed,
        by="group" if any(case.group for case in cases) else "patient",
        how=how,
        train=cases_of(untested[validation:]),
        validation=cases_of(untested[:validation]),
        test=cases_of(tested),
    )
