"""Names of one modality in different data sets: one list, by which cohorts, recipes and commands find each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

SYNONYMS: Mapping[str, frozenset[str]] = {
    "t1": frozenset({"t1w", "t1n"}),
    "t1ce": frozenset({"t1c", "t1gd", "t1wce"}),
    "t2": frozenset({"t2w"}),
    "flair": frozenset({"t2f", "t2flair"}),
    "pd": frozenset({"pdw"}),
    "mr": frozenset({"mri"}),
    "colour": frozenset({"color"}),
}
"""Other names by this software's own: BraTS', BIDS' and what folders are called. T1 with contrast agent is no T1."""

_UNSPECIFIED = ("mr", "t1")
"""`mr` says no contrast. Data sets for MR to CT have T1 under it, so that each is taken where the other is lacking."""


def canonical(name: str) -> str:
    """Return this software's own name of a modality; a name that has no synonym in small letters."""
    small = name.lower()
    return next((own for own, others in SYNONYMS.items() if small in others), small)


def alias_of(wanted: str, there: Collection[str]) -> str | None:
    """Return under which name a modality is there: its own, a synonym, or the other of `mr` and `t1`.

    Args:
        wanted: such as `t1`.
        there: names of what there is.

    Returns:
        The name; None where there is none, or where two would do and nothing says which.
    """
    if wanted in there:
        return wanted
    own = canonical(wanted)
    accepted = [own, *(one for one in _UNSPECIFIED if own in _UNSPECIFIED and one != own)]
    for name in accepted:
        fitting = [one for one in there if canonical(one) == name]
        if fitting:
            return fitting[0] if len(fitting) == 1 else None
    return None


def renaming(wanted: Sequence[str], there: Collection[str]) -> dict[str, str]:
    """Return what is renamed, and to what, so that the modalities that are wanted have their own names.

    Args:
        wanted: such as a recipe's sources and target.
        there: names of what there is.
    """
    renamed: dict[str, str] = {}
    for name in wanted:
        # What another one is called by its own name is that one's.
        free = [one for one in there if one == name or (one not in renamed and one not in wanted)]
        found = alias_of(name, free)
        if found is not None and found != name:
            renamed[found] = name
    return renamed
