"""An artefact's folder: the network in a form of its own, its description, its parity with the library, and a page."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from transmodal.errors import UsageError
from transmodal.exporting import phantom
from transmodal.exporting.card import FILE as CARD
from transmodal.exporting.description import describe
from transmodal.exporting.page import write_page
from transmodal.exporting.parity import Run, measure_parity
from transmodal.exporting.window import choose, with_window
from transmodal.inference.engines import _graph
from transmodal.inference.model import Model
from transmodal.notice import INTENDED_USE
from transmodal.storage import files
from transmodal.volumes import Volume

FORMS: Mapping[str, str] = {"onnx": "onnx", "openvino": "openvino", "torch": "program"}
"""Modules of this package by the forms that they write."""


class FormWriter(Protocol):
    """A module that writes a network in a form of its own."""

    def check(self) -> None:
        """Refuse to begin without the packages that it takes."""
        ...

    def write(self, fixed: Model, folder: Path, description: Mapping[str, Any]) -> dict[str, Any]:
        """Write it into a folder; return what its description says besides."""
        ...

    def open_artefact(self, folder: Path) -> Run:
        """Return what translates windows by it."""
        ...


class ParityVolume(NamedTuple):
    """The volume that an artefact's parity is measured on.

    Attributes:
        sources: volumes by modality.
        words: that say what it is.
    """

    sources: Mapping[str, Volume]
    words: str


def write_artefact(
    model: Model,
    form: str,
    output: Path,
    *,
    card: str,
    window: Sequence[int] | None = None,
    volume: Mapping[str, Volume] | None = None,
) -> None:
    """Write a model's network as an artefact, once its parity with the library is measured.

    Args:
        model: on the CPU.
        form: one of `FORMS`.
        output: the folder.
        card: the model card that goes with it.
        window: sides of the windows that it takes; None takes training's, widened to the test volume's slices.
        volume: the test volume, by modality; None takes a phantom.

    Raises:
        UsageError: E001 for a window that cannot be, E004 for a network that no fixed graph computes, and for an
            artefact that does not compute as torch does.
        ResourceError: E403 where nothing can be written, E404 for a package that is missing.
    """
    writer: FormWriter = importlib.import_module(f"transmodal.exporting.{FORMS[form]}")
    writer.check()
    refuse_unfixed(model)
    sides = choose(model.preprocessing, window, volume)
    test = volume_for_parity(model, sides, volume)
    # A phantom goes to the recipe's spacing, where its slices can be larger than the window.
    fixed = with_window(model, choose(model.preprocessing, window, test.sources))
    with files.atomic_folder(output) as beside:
        description = describe(fixed, form)
        description |= writer.write(fixed, beside, description)
        parity = measure_parity(model, fixed, test.sources, writer.open_artefact(beside))
        write_records(beside, description, parity, test)
        (beside / CARD).write_text(card, encoding="utf-8")


def obstacle(model: Model) -> str:
    """Return why no fixed graph computes a network; nothing where one does."""
    return _graph.obstacle(model.translator, torch.device("cpu"))


def refuse_unfixed(model: Model) -> None:
    """Refuse a network that no fixed graph computes.

    Raises:
        UsageError: E004.
    """
    reason = obstacle(model)
    if reason:
        raise UsageError(
            "E004",
            f"{model.recipe.translator} as a graph: {reason}",
            "a network of fixed operations",
            "Export it as --as file, which takes every translator.",
        )


def volume_for_parity(
    model: Model, sides: Sequence[int], volume: Mapping[str, Volume] | None
) -> ParityVolume:
    """Return the test volume: the one that is named, or a phantom."""
    if volume is not None:
        return ParityVolume(volume, "a volume that was named (--volume)")
    return ParityVolume(phantom.build(model.preprocessing, sides), phantom.WORDS)


def write_records(
    folder: Path, description: Mapping[str, Any], parity: Mapping[str, Any], test: ParityVolume
) -> None:
    """Write description, parity and page into an artefact's folder, with the SHA-256 of its other files."""
    hashes = {
        path.relative_to(folder).as_posix(): files.sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    report = {
        "intended_use": INTENDED_USE,
        "form": description["form"],
        "files": hashes,
        "test_volume": {"words": test.words, "is_phantom": test.words == phantom.WORDS},
        **parity,
    }
    files.write_json(folder / "metadata.json", description)
    files.write_json(folder / "parity.json", report)
    (folder / "README.md").write_text(write_page(description, report), encoding="utf-8")
