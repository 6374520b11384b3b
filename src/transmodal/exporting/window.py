"""The one window of a graph: its shape is fixed, where translating cuts each volume's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from transmodal.errors import UsageError
from transmodal.inference.model import Model
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient, working_grid
from transmodal.volumes.windows.spec import round_up


def with_window(model: Model, sides: Sequence[int]) -> Model:
    """Return a model that cuts windows of one shape."""
    cutting = replace(model.preprocessing.cutting, size=tuple(sides))
    return replace(model, preprocessing=replace(model.preprocessing, cutting=cutting))


def choose(
    preprocessing: Preprocessing, window: Sequence[int] | None, sources: Mapping[str, Volume] | None
) -> tuple[int, ...]:
    """Return the sides of the window: those asked for, else training's, widened to the test volume's slices.

    Args:
        preprocessing: of the run.
        window: sides that are asked for; None takes the run's.
        sources: the test volume; None does not widen.

    Raises:
        UsageError: E001 for sides that the network cannot take, E004 where nothing tells them.
    """
    cutting = preprocessing.cutting
    n_sides = 3 if cutting.kind == "patch" else 2
    if window is not None:
        _check(window, n_sides, cutting.multiple)
        _check_holds(preprocessing, window, sources)
        return tuple(window)
    if sources is not None:
        return _covering(preprocessing, sources)
    if cutting.size is None:
        raise UsageError(
            "E004",
            "a run that does not record the windows that it learned from",
            "the sides of a window",
            "Name them, such as --window 256,256; or give a test volume: --volume PATH.",
        )
    return tuple(round_up(side, cutting.multiple) for side in cutting.size)


def shape_of(model: Model) -> tuple[int, ...]:
    """Return the shape `(C, *S)` of the windows of a model that cuts windows of one shape."""
    return (model.translator.config.in_channels, *(model.preprocessing.cutting.size or ()))


def _covering(preprocessing: Preprocessing, sources: Mapping[str, Volume]) -> tuple[int, ...]:
    """Return sides that hold the slices of a volume along every axis of the run."""
    cutting = preprocessing.cutting
    first = reorient(next(iter(sources.values())))
    shape = working_grid(first.grid, preprocessing.spacing_mm).shape
    axes: tuple[int | None, ...] = (None,) if cutting.kind == "patch" else preprocessing.axes
    sizes = []
    for axis in axes:
        sides = cutting.covering(shape, axis).size or tuple(
            n for side_axis, n in enumerate(shape) if side_axis != axis
        )
        sizes.append([round_up(side, cutting.multiple) for side in sides])
    return tuple(max(sides) for sides in zip(*sizes, strict=True))


def _check_holds(
    preprocessing: Preprocessing, window: Sequence[int], sources: Mapping[str, Volume] | None
) -> None:
    """Refuse a window that the test volume's slices do not fit into."""
    cutting = preprocessing.cutting
    if sources is None or cutting.kind == "patch" or cutting.fit != "pad":
        return
    least = _covering(replace(preprocessing, cutting=replace(cutting, size=None)), sources)
    if any(side < lowest for side, lowest in zip(window, least, strict=True)):
        raise UsageError(
            "E004",
            f"--window {','.join(map(str, window))} for a test volume with slices of {','.join(map(str, least))}",
            "a window that holds them",
            f"Give --window {','.join(map(str, map(max, window, least)))} or leave it out.",
        )


def _check(window: Sequence[int], n_sides: int, multiple: int) -> None:
    if len(window) != n_sides or any(side < 1 or side % multiple for side in window):
        raise UsageError(
            "E001",
            f"--window {','.join(map(str, window))}",
            f"{n_sides} sides that are multiples of {multiple}",
            f"Give --window {','.join([str(round_up(max(1, *window), multiple))] * n_sides)}.",
        )
