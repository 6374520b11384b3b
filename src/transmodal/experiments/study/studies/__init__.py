"""The studies: one is found by the name of its file or package, written with hyphens, and imported when it is asked for.

Comes in: a bench with runs, a cohort and options. Goes out: findings, of which the frame makes the record.
Open first: `_base.py`, what a study offers; then the study's own file.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from transmodal.errors import UsageError, suggest

if TYPE_CHECKING:
    from transmodal.experiments.study.studies._base import Study


def names() -> list[str]:
    """List the studies without importing them."""
    rooms = [
        path
        for path in Path(__file__).parent.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    ]
    return sorted(path.stem.replace("_", "-") for path in rooms if not path.stem.startswith("_"))


def find(name: str) -> Study:
    """Return a study.

    Raises:
        UsageError: E002 when there is none of that name.
    """
    if name not in names():
        hint = suggest(name, names(), "See: transmodal study --list.")
        raise UsageError("E002", f"no study {name!r}", ", ".join(names()), hint)
    module = f"transmodal.experiments.study.studies.{name.replace('-', '_')}"
    study: Study = importlib.import_module(module).STUDY
    return study
