"""A BIDS dataset translated into a derivative dataset: a job for each session that has the sources."""

from __future__ import annotations

import logging
from pathlib import Path

import transmodal
from transmodal.cohorts import bids
from transmodal.cohorts.bids_names import derivative, describe, is_dataset, parsed
from transmodal.commands._sources import Job, check_folder
from transmodal.errors import InputError
from transmodal.inference.view import View
from transmodal.notice import INTENDED_USE
from transmodal.volumes.reading import Reading

__all__ = ["is_dataset", "jobs", "open_derivatives"]

_log = logging.getLogger(__name__)


def jobs(folder: Path, view: View, output: Path, reading: Reading) -> list[Job]:
    """Return a job for each case of a dataset; the output is named as BIDS derivatives are.

    Raises:
        UsageError: E005 when the output is named as one image.
        InputError: as `cohorts.bids.look`; E131 when no case has the sources.
    """
    check_folder(output, f"the sessions of {folder.name}")
    need = () if view.accepts_missing else view.sources
    found = bids.look(folder, bids.Options(need=need, several="first"))
    for line in found.left_out:
        _log.warning("not translated: %s", line)
    made = []
    for case in found.cases:
        paths = {what: path for what, path in case.volumes.items() if what in view.sources}
        if not paths:
            continue
        first = parsed(paths[view.present(paths)[0]])
        assert first is not None, "the layout gives images whose names it can read"
        uris = [f"bids:source:{path.relative_to(folder).as_posix()}" for _, path in sorted(paths.items())]
        about = {
            "Description": f"Synthetic {view.target}. {INTENDED_USE}",
            "Sources": uris,
            "SkullStripped": view.region in ("brain", "around_brain"),
        }
        made.append(Job(case.id, paths, output / derivative(first, view.target), reading, about=about))
    if not made:
        raise InputError(
            "E131",
            f"{folder.name} with no session that has {' and '.join(view.sources)}",
            "the sources of the recipe",
            "Check the dataset, or translate files by name.",
        )
    return made


def open_derivatives(source: Path, output: Path, target: str) -> None:
    """Make the output a derivative dataset.

    Raises:
        InputError: as `cohorts.bids_names.describe`.
    """
    describe(
        output,
        name=f"Synthetic {target}",
        version=transmodal.__version__,
        source=source,
        note=f"Synthetic {target}, made by a trained network and measured by no scanner. {INTENDED_USE}",
    )
