"""By what passes a volume is translated, as options say it; light, as the command line imports it to show help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from transmodal.inference.passes import Passes


@dataclass(frozen=True, slots=True)
class PassWords:
    """The passes by which runs translate, in the words of the command line; see `inference.passes.Passes`."""

    axes: Annotated[
        str, typer.Option(help="Slice axes to pass over, such as z or x,y,z; the recipe's by default.")
    ] = ""
    fuse: Annotated[Literal["mean", "median"] | None, typer.Option(help="How the passes become one.")] = None
    draws: Annotated[
        int,
        typer.Option(
            min=1, help="Passes per axis with noise of their own, of a translator that draws noise."
        ),
    ] = 1
    translate_with: Annotated[
        Literal["batch_statistics", "running"] | None,
        typer.Option(
            help="What batch normalisation takes: each window's own statistics, or training's averages; the recipe's "
            "by default."
        ),
    ] = None
    flips: Annotated[
        str,
        typer.Option(
            help="Axes, such as x, along each of which the volume is mirrored for one more pass; x is left to right."
        ),
    ] = ""

    def passes(self) -> Passes:
        """Return the passes that the options name, their axes as yet unchecked."""
        from transmodal.inference.passes import Passes

        flips = letters(self.flips) or ()
        return Passes(letters(self.axes), self.fuse, self.draws, self.translate_with, flips)


class Computing(StrEnum):
    """Engines: a network is computed by one of them."""

    AUTO = "auto"
    TORCH = "torch"
    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"
    INT8 = "int8"


def computing_of(engine: str) -> Computing:
    """Return an engine by its name.

    Raises:
        UsageError: E002 for another name.
    """
    from transmodal.errors import UsageError, suggest

    try:
        return Computing(engine)
    except ValueError:
        names = list(Computing)
        raise UsageError(
            "E002", f"no engine {engine!r}", ", ".join(names), suggest(engine, names, "Leave it out.")
        ) from None


def letters(words: str | Sequence[str]) -> tuple[str, ...] | None:
    """Return the axes that `--axes` names, as yet unchecked; None for nothing, which leaves the recipe's."""
    axes = words.split(",") if isinstance(words, str) and words else words
    return tuple(axes) or None
