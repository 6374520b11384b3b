"""Names of one modality in different data sets: one list, by which cohorts, recipes and commands find each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from transmodal.modalities import known_modalities, modality_of


def canonical(name: str) -> str:
    """Return this software's own name of a modality; a name that has no synonym in small letters."""
    small = name.lower()
    return next((modality.name for modality in known_modalities() if small in modality.aliases), small)


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
    for name in _accepted(canonical(wanted)):
        fitting = [one for one in there if canonical(one) == name]
        if fitting:
            return fitting[0] if len(fitting) == 1 else None
    return None


def _accepted(name: str) -> list[str]:
    """Return the names under which a modality is taken, its own first: `mr` says no contrast, and is taken for T1."""
    usual = modality_of(name).usually
    return [
        name,
        *(
            modality.name
            for modality in known_modalities()
            if modality.name == usual or modality.usually == name
        ),
    ]


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
