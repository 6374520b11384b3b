"""Exporting in the words of the command line, for the command and for Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from transmodal.checkpoint import archive
from transmodal.commands import _sources
from transmodal.commands._words import Words, list_words
from transmodal.errors import UsageError
from transmodal.exporting import artefact, card, file
from transmodal.exporting.bundle.write import write_bundle
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.models import library
from transmodal.storage import memory, outputs
from transmodal.volumes import Volume
from transmodal.volumes.reading import Reading

FORMS = ("file", "card", "bundle", *artefact.FORMS)


@memory.guarded("a run was exported", "Free memory, or name a smaller test volume or window.")
def export(
    run: str | Path,
    output: str | Path,
    *,
    form: str = "file",
    checkpoint: str = "best",
    volume: Words | None = None,
    window: str | Sequence[int] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a trained run as an artefact that goes elsewhere, as `transmodal export` does.

    Args:
        run: folder of a trained run; or, but for a file, the file (`.tmz`) that it was exported as, or a name of `transmodal models`.
        output: file to write, such as `model.tmz`; folder for every other form.
        form: `file`: one file that every verb takes in the place of the run. `card`: its model card. `bundle`: a folder
            that `python -m monai.bundle run` translates by. `onnx`, `openvino` or `torch`: the network
            as a graph, with its description and its parity with the library.
        checkpoint: `best` or `last`.
        volume: of a graph: the test volume that its parity is measured on, several sources by modality or as words
            `modality=path`; None takes a synthetic phantom.
        window: of a graph: sides of the windows that it takes, such as `256,256`; None takes training's, widened to the
            test volume's slices.
        overwrite: replace an artefact that is there.

    Returns:
        The output.

    Raises:
        UsageError: E001 for another form or window, E004 for a network that no fixed graph computes, and for options that
            the form does not take, E005 for a place that is taken or cannot be written.
        InputError: E134 when the folder holds no such checkpoint, and for a test volume that cannot be read.
        IntegrityError: E501 or E502 when the checkpoint is damaged.
        ResourceError: E403 where nothing can be written, E404 for a package that is missing.
    """
    place, run = Path(output), library.resolve(run)
    _check(place, form, is_free=overwrite)
    sides = _sides(window)
    with outputs.os_errors():
        place.absolute().parent.mkdir(parents=True, exist_ok=True)
    if form in ("file", "card"):
        if volume is not None or sides is not None:
            raise UsageError(
                "E004", f"--volume or --window of a {form}", "a form that is a graph", "Leave them out."
            )
        outputs.check_file(place)
        write = file.write if form == "file" else card.copy
        write(run, place, checkpoint)
        return place
    model = load(run, checkpoint=checkpoint, device="cpu")
    sources = None if volume is None else _read(model, volume)
    text = card.card_of(run, checkpoint)
    if form == "bundle":
        with TemporaryDirectory() as scratch:
            packed = _packed(run, Path(scratch) / "model.tmz", checkpoint)
            write_bundle(model, packed, place, card=text, window=sides, volume=sources)
    else:
        artefact.write_artefact(model, form, place, card=text, window=sides, volume=sources)
    return place


def _packed(run: Path, scratch: Path, checkpoint: str) -> Path:
    """Return a run in one file."""
    if archive.is_archive(run):
        return run
    file.write(run, scratch, checkpoint)
    return scratch


def _check(place: Path, form: str, *, is_free: bool) -> None:
    """Refuse another form, and a place that is taken: by anything that no artefact is, whatever is asked."""
    if form not in FORMS:
        raise UsageError("E001", f"form {form!r}", ", ".join(FORMS), f"Choose one, such as {FORMS[0]}.")
    if not place.exists():
        return
    if not is_free:
        raise UsageError("E005", f"{place} exists", "a new name", "Choose another name, or --overwrite.")
    if form not in ("file", "card") and not (place / "parity.json").is_file():
        raise UsageError(
            "E005", f"{place} exists and is no artefact", "a new name, or an artefact", "Choose another name."
        )


def _sides(window: str | Sequence[int] | None) -> tuple[int, ...] | None:
    words = window.split(",") if isinstance(window, str) else window
    try:
        return None if words is None else tuple(int(word) for word in words)
    except ValueError as error:
        raise UsageError(
            "E001", f"--window {window}", "whole numbers with commas between", "Give --window 256,256."
        ) from error


def _read(model: Model, volume: Words) -> dict[str, Volume]:
    """Return the test volume: one case's sources."""
    words = list_words(volume)
    jobs = _sources.find(words, model.preprocessing, Path("test.nii.gz"), split="test", reading=Reading())
    if len(jobs) != 1:
        raise UsageError("E004", f"{len(jobs)} test volumes", "one", "Name the images of one case.")
    return dict(jobs[0].read())
