"""Packages that a form takes and that a plain installation does not bring."""

from __future__ import annotations

import importlib.util

from transmodal.errors import ResourceError


def check(*names: str) -> None:
    """Refuse to begin where a package is not installed; none is imported.

    Raises:
        ResourceError: E404.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise ResourceError(
                "E404", f"{name} is not installed", "it, to export so", "pip install 'transmodal[export]'"
            )
