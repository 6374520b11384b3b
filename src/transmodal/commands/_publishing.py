"""The verb behind `publish`: a run becomes a page that translates by itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from transmodal.commands import _pages
from transmodal.commands._passes import letters
from transmodal.commands._words import Words, list_words
from transmodal.errors import UsageError
from transmodal.inference.load import load
from transmodal.publishing import runtime
from transmodal.publishing.page import build_page
from transmodal.volumes import Volume, io


def publish(
    run: str | Path,
    output: str | Path,
    *,
    example: Words = (),
    axes: str | Sequence[str] = "",
    fuse: Literal["mean", "median"] | None = None,
    checkpoint: str = "best",
    gpu: bool = False,
) -> Path:
    """Write a run as one HTML file that translates NIfTI files in a browser, offline.

    Args:
        run: folder of a trained run of grey slices or slabs, the file that it was exported as, or a name of
            `transmodal models`.
        output: of the page, ending in .html; a page of this verb is replaced.
        example: an image that the page brings along, by modality for several sources: whoever has the page has the
            image. Without one it brings a virtual subject, where its modalities can be simulated.
        axes: slice axes to pass over, such as `z` or `x,y,z`; empty takes the recipe's.
        fuse: `mean` or `median` of the passes; None takes the recipe's.
        checkpoint: `best` or `last`.
        gpu: whether the page also holds what computes by WebGPU, which browsers that have it take.

    Returns:
        The page.

    Raises:
        UsageError: E005 for a place that is taken, E004 for a run that a page cannot compute or an example that does not fit.
        ResourceError: E404 where ONNX Runtime Web was not built, or onnx is not installed.
        InputError: as `inference.load` and `volumes.io.read`.
    """
    page = Path(output)
    _pages.check_place(page, "publish")
    runtime.check()
    model = load(run, checkpoint=checkpoint, device="cpu").with_axes(letters(axes), fuse)
    words = list_words(example)
    sources = _read(words, model.preprocessing.sources) if words else None
    _pages.save(build_page(model, sources, ("gpu", "cpu") if gpu else ("cpu",)), page)
    return page


def _read(words: Sequence[str], names: Sequence[str]) -> dict[str, Volume]:
    """Return the images of words, `PATH` for the one source there is or `MODALITY=PATH`."""
    if len(words) == len(names) == 1 and ("=" not in words[0] or Path(words[0]).exists()):
        return {names[0]: io.read(words[0])}
    pairs = [word.partition("=") for word in words]
    if not all(name and path for name, _, path in pairs):
        raise UsageError(
            "E001",
            f"--example {' '.join(words)}",
            "MODALITY=PATH for each source",
            f"Name them: --example {names[0]}=PATH, once for each.",
        )
    return {name: io.read(path) for name, _, path in pairs}
