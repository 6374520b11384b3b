"""Names of one modality in different data sets: one list, by which cohorts, recipes and commands find each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from transmodal.modalities import known_modalities, modality_of


def canonical_name(name: str) -> str:
    """Return this software's own name of a modality; a name that has no synonym in small letters."""
    small = name.lower()
    return next((modality.name for modality in known_modalities() if small in modality.aliases), small)


def alias_of(modality: str, names: Collection[str]) -> str | None:
    """Return under which name a modality is there: its own, a synonym, or the other of `mr` and `t1`.

    Args:
        modality: such as `t1`.
        names: names of what there is.

    Returns:
        The name; None where there is none, or where two would do and nothing says which.
    """
    if modality in names:
        return modality
    for name in _accepted_names(canonical_name(modality)):
        fitting = [candidate for candidate in names if canonical_name(candidate) == name]
        if fitting:
            return fitting[0] if len(fitting) == 1 else None
    return None


def _accepted_names(name: str) -> list[str]:
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


def find_renames(modalities: Sequence[str], names: Collection[str]) -> dict[str, str]:
    """Return what is renamed, and to what, so that the modalities that are wanted have their own names.

    Args:
        modalities: such as a recipe's sources and target.
        names: names of what there is.
    """
    renamed: dict[str, str] = {}
    for name in modalities:
        # What another one is called by its own name is that one's.
        free = [
            candidate
            for candidate in names
            if candidate == name or (candidate not in renamed and candidate not in modalities)
        ]
        alias = alias_of(name, free)
        if alias is not None and alias != name:
            renamed[alias] = name
    return renamed
