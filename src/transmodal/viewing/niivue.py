"""NiiVue, the WebGL 2 viewer, as the installed package ipyniivue carries it: one module without imports of its own."""

from __future__ import annotations

import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from transmodal.errors import ResourceError
from transmodal.viewing.scripts import object_of

REMEDY = "pip install 'transmodal[view]'"

_WIDGET = Path("static", "widget.js")
_LITERAL = re.compile(r'="([A-Za-z0-9%_.!~*\'()-]{100000,})"')
"""A module inside the widget, percent-encoded: what NiiVue saves its own pages with."""


def is_installed() -> bool:
    """Return whether the package that carries NiiVue is there."""
    return _widget() is not None


def check() -> None:
    """Refuse to go on where NiiVue is missing, before any work.

    Raises:
        ResourceError: E404.
    """
    if _widget() is None:
        raise _missing_error()


@lru_cache(maxsize=1)
def script() -> str:
    """Return NiiVue as a plain script that sets `globalThis.niivue` to the module's exports.

    A page that is opened from a folder may load no module; a plain script it may.

    Raises:
        ResourceError: E404 where ipyniivue is not installed, or carries no such module.
    """
    widget = _widget()
    if widget is None:
        raise _missing_error()
    literal = _LITERAL.search(widget.read_text(encoding="utf-8"))
    module = unquote(literal[1]) if literal else ""
    plain = object_of(module, "niivue", "Niivue")
    if plain is None:
        raise ResourceError(
            "E404", "an ipyniivue that carries no module of NiiVue", "ipyniivue 2.4", REMEDY + " --upgrade"
        )
    return plain


def _missing_error() -> ResourceError:
    return ResourceError("E404", "NiiVue is not installed", "the package ipyniivue, which carries it", REMEDY)


def _widget() -> Path | None:
    """Return the file of the installed package, found without running any of its code."""
    spec = importlib.util.find_spec("ipyniivue")
    places = [Path(place) / _WIDGET for place in (spec.submodule_search_locations if spec else None) or ()]
    return next((place for place in places if place.is_file()), None)
