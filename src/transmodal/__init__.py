"""Transmodal: synthesise the medical image that is missing from the one that is there.

The verbs of the command line are functions here and take what it takes: names, paths, strings. Importing the package
brings no torch:

    import transmodal

    cohort = transmodal.prepare("folders", "subjects", "cohort", recipes=["t1-to-fa-small"])
    transmodal.train("t1-to-fa-small", cohort, "runs/t1-to-fa")
    transmodal.translate("runs/t1-to-fa", "t1.nii.gz", "fa.nii.gz")
    model = transmodal.load("runs/t1-to-fa")
    model.translate(transmodal.read("t1.nii.gz")).write("fa_again.nii.gz")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from transmodal._version import __version__

__all__ = [
    "DicomWords",
    "PredictionWords",
    "__version__",
    "bars",
    "calibrate",
    "compare",
    "dicom_node",
    "evaluate",
    "export",
    "import_weights",
    "load",
    "plan",
    "prepare",
    "publish",
    "quantize",
    "read",
    "reader",
    "regions",
    "reproduce",
    "segmentation",
    "serve",
    "study",
    "train",
    "translate",
    "verify",
    "view",
    "write",
]

if TYPE_CHECKING:
    from transmodal.commands import _readers as reader
    from transmodal.commands._calibrating import calibrate
    from transmodal.commands._dicom_nodes import dicom_node
    from transmodal.commands._dicom_words import DicomWords
    from transmodal.commands._evaluating import evaluate
    from transmodal.commands._exporting import export
    from transmodal.commands._importing import import_weights
    from transmodal.commands._measuring import regions
    from transmodal.commands._prediction_words import PredictionWords
    from transmodal.commands._preparing import prepare
    from transmodal.commands._progress import bars
    from transmodal.commands._publishing import publish
    from transmodal.commands._quantizing import quantize
    from transmodal.commands._reproducing import reproduce
    from transmodal.commands._segmenting import segmentation
    from transmodal.commands._serving import serve
    from transmodal.commands._translating import translate
    from transmodal.commands._verifying import verify
    from transmodal.commands._viewing import view
    from transmodal.commands.plan import plan
    from transmodal.commands.train import train
    from transmodal.evaluation.compare.write import compare
    from transmodal.experiments.study.run import study
    from transmodal.inference.load import load
    from transmodal.volumes.io import read, write

_HOMES = {
    "DicomWords": "transmodal.commands._dicom_words",
    "PredictionWords": "transmodal.commands._prediction_words",
    "bars": "transmodal.commands._progress",
    "calibrate": "transmodal.commands._calibrating",
    "compare": "transmodal.evaluation.compare.write",
    "dicom_node": "transmodal.commands._dicom_nodes",
    "evaluate": "transmodal.commands._evaluating",
    "export": "transmodal.commands._exporting",
    "import_weights": "transmodal.commands._importing",
    "load": "transmodal.inference.load",
    "plan": "transmodal.commands.plan",
    "prepare": "transmodal.commands._preparing",
    "publish": "transmodal.commands._publishing",
    "quantize": "transmodal.commands._quantizing",
    "read": "transmodal.volumes.io",
    "regions": "transmodal.commands._measuring",
    "reproduce": "transmodal.commands._reproducing",
    "segmentation": "transmodal.commands._segmenting",
    "serve": "transmodal.commands._serving",
    "study": "transmodal.experiments.study.run",
    "train": "transmodal.commands.train",
    "translate": "transmodal.commands._translating",
    "verify": "transmodal.commands._verifying",
    "view": "transmodal.commands._viewing",
    "write": "transmodal.volumes.io",
}
_ROOMS = {"reader": "transmodal.commands._readers"}
"""Verbs of several acts: modules whose functions are the acts."""


def __getattr__(name: str) -> object:
    """Import a verb when it is first asked for."""
    if name in _ROOMS:
        return importlib.import_module(_ROOMS[name])
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'transmodal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
