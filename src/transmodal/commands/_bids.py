"""A BIDS dataset translated into a derivative dataset: a job for each session that has the sources."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal._version import __version__
from transmodal.cohorts.aliases import alias_of
from transmodal.cohorts.headers import bids_names
from transmodal.cohorts.headers.bids_names import (
    check_derivatives,
    derivative,
    is_dataset,
    parse,
    write_description,
)
from transmodal.cohorts.layouts import bids
from transmodal.commands._jobs import Job
from transmodal.commands._places import check_folder
from transmodal.counts import counted
from transmodal.errors import InputError, suggest
from transmodal.inference.preprocessing import Preprocessing
from transmodal.notice import INTENDED_USE
from transmodal.volumes.reading import Reading

__all__ = ["check_derivatives", "is_dataset", "jobs", "open_derivatives"]

_log = logging.getLogger(__name__)


class Selection(NamedTuple):
    """Which images of a dataset are translated.

    Attributes:
        subjects: such as `sub-01` or `01`; all where there is none.
        space: images of this `space-` instead of those without one.
    """

    subjects: tuple[str, ...] = ()
    space: str = ""


EVERY_IMAGE = Selection()


def jobs(
    folder: Path,
    preprocessing: Preprocessing,
    output: Path,
    reading: Reading,
    images: Selection = EVERY_IMAGE,
) -> list[Job]:
    """Return a job for each case of a dataset; the output is named as BIDS derivatives are.

    Raises:
        UsageError: E005 when the output is named as one image.
        InputError: as `cohorts.layouts.bids.find`; E131 when no case has the sources, E132 for a subject that is not there.
    """
    check_folder(output, f"the sessions of {folder.name}")
    own = {alias_of(name, bids_names.modality_names()) or name: name for name in preprocessing.sources}
    partial = preprocessing.accepts_missing
    dataset = bids.find(
        folder, bids.Options(need=tuple(own), partial=partial, several="first", space=images.space)
    )
    subjects = _subjects(images.subjects, folder)
    for line in dataset.left_out:
        if not subjects or re.split(r"[_ ]", line)[0] in subjects:
            _log.warning("not translated: %s", line)
    plans = []
    for case in dataset.cases:
        paths = {own[modality]: path for modality, path in case.volumes.items() if modality in own}
        if not paths or (subjects and case.patient not in subjects):
            continue
        first = parse(paths[preprocessing.present(paths)[0]])
        assert first is not None, "the layout gives images whose names it can read"
        uris = [f"bids:source:{path.relative_to(folder).as_posix()}" for _, path in sorted(paths.items())]
        about = {
            "Description": f"Synthetic {preprocessing.target}. {INTENDED_USE}",
            "Sources": uris,
            "SkullStripped": preprocessing.region in ("brain", "around_brain"),
        }
        place = output / derivative(first, preprocessing.target)
        plans.append(Job(case.id, paths, place, reading, about=about, patient=case.patient))
    if not plans:
        raise InputError(
            "E131",
            f"{folder.name} with no session that has {' and '.join(preprocessing.sources)}",
            "the sources of the recipe",
            "Check the dataset, or translate files by name.",
        )
    return plans


def _subjects(words: Sequence[str], folder: Path) -> frozenset[str]:
    """Return subjects as BIDS names them; refuse those that the dataset does not have."""
    names = [word if word.startswith("sub-") else f"sub-{word}" for word in words]
    subjects = {path.name for path in folder.glob("sub-*") if path.is_dir()}
    for name in names:
        if name not in subjects:
            raise InputError(
                "E132",
                f"no subject {name} in {folder.name}",
                f"one of {counted(len(subjects), 'subject')}",
                suggest(name, subjects, "Look at the names of its folders."),
            )
    return frozenset(names)


def open_derivatives(source: Path, output: Path, target: str) -> None:
    """Make the output a derivative dataset.

    Raises:
        InputError: as `cohorts.headers.bids_names.write_description`.
    """
    write_description(
        output,
        name=f"Synthetic {target}",
        version=__version__,
        source=source,
        note=f"Synthetic {target}, made by a trained network and measured by no scanner. {INTENDED_USE}",
    )
