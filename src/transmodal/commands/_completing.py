"""Words that a shell completes besides verbs and options; light, since it runs at every press of the key."""

from __future__ import annotations

from pathlib import Path

_LIBRARY = Path(__file__).parent.parent / "recipes" / "library"


def recipe_names(incomplete: str) -> list[str]:
    """Return the recipes that come with transmodal and begin so."""
    return sorted(path.stem for path in _LIBRARY.glob("*.yaml") if path.stem.startswith(incomplete))
