"""Words that a shell completes besides verbs and options; light, since it runs at every press of the key."""

from __future__ import annotations

from pathlib import Path

_LIBRARY = Path(__file__).parent.parent / "recipes" / "library"
_MODELS = Path(__file__).parent.parent / "models"


def recipe_names(incomplete: str) -> list[str]:
    """Return the recipes that come with transmodal and begin so."""
    return sorted(path.stem for path in _LIBRARY.glob("*.yaml") if path.stem.startswith(incomplete))


def model_names(incomplete: str) -> list[str]:
    """Return the models that come with transmodal and begin so."""
    return sorted(path.stem for path in _MODELS.glob("*.tmz") if path.stem.startswith(incomplete))
