"""The packages of loggers: whether they are there, and what brings them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from transmodal.errors import ResourceError

EXTRAS = {"mlflow": "mlflow", "wandb": "wandb"}
"""Loggers that have a package of their own, with the extra that brings it; its module has the logger's name."""


def check(loggers: Iterable[str]) -> None:
    """Refuse to begin where a logger's package is not installed; none is imported.

    Raises:
        ResourceError: E404.
    """
    for name in loggers:
        if name in EXTRAS and importlib.util.find_spec(name) is None:
            raise ResourceError(
                "E404",
                f"training.loggers names {name}, which is not installed",
                "its package",
                f"pip install 'transmodal[{EXTRAS[name]}]', or leave {name} out of training.loggers",
            )
