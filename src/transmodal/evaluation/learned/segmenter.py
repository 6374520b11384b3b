"""Dice and HD95 of the target and the synthetic volume, by a segmenter of slices or volumes that the user gives as ONNX.

ONNX is a graph of known operators. Nothing in it is executed but these; operators of other libraries are refused.
"""

from __future__ import annotations

import hashlib
import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.evaluation.learned.axial import as_labels, slices
from transmodal.evaluation.learned.base import CasePair, Scale
from transmodal.evaluation.overlaps import DEFINITION, structure_record
from transmodal.metrics.protocol import MetricValue, Protocol
from transmodal.metrics.regions.overlap import by_structure, overall
from transmodal.metrics.registry import find
from transmodal.metrics.table import SplitFigure
from transmodal.storage import regular
from transmodal.volumes import Volume

MODEL_BYTES = 4 << 30
"""Most bytes of a network's file."""

METRICS = ("dice", "hd95")
_EXPECTED = (
    "float32 slices (N, C, H, W) or volumes (N, C, D, H, W) of C contrasts in; labels of the same sides with one channel or "
    "none, or one channel per label, out"
)
_AT_ONCE = 8

Labels = NDArray[np.int64]
Run = Callable[[NDArray[np.float32]], NDArray[Any]]
Size = tuple[int | None, ...]


class ValueWindow(NamedTuple):
    """The window of values that the segmenter gets as 0 to 1; values beyond are clipped."""

    low: float
    high: float


class Segmenter:
    """A network that labels upright axial slices, or upright volumes: columns run to the patient's left, rows to the back.

    Args:
        run: takes `(N, C, H, W)`, or `(1, C, D, H, W)` with slices from foot to head, and gives labels or one channel per
            label, the first the background.
        size: that it takes, `(H, W)` of slices or `(D, H, W)` of volumes, None where any; smaller ones are filled up at their
            ends.
        sha256: of its file.
        window: of its values; None gives it real units, such as HU.
        n_contrasts: that it takes at once, C.
    """

    def __init__(
        self,
        run: Run,
        size: Size,
        sha256: str,
        window: ValueWindow | None = None,
        n_contrasts: int = 1,
    ) -> None:
        self._run, self._size, self.sha256, self._window = run, size, sha256, window
        self.n_contrasts = n_contrasts

    def __call__(self, *contrasts: Volume) -> Labels:
        """Return the labels `(I, J, K)` of a grey volume, or of several contrasts on one grid.

        Raises:
            InputError: E122 for colour, E130 for slices larger than the segmenter takes, E102 for an answer that is
                no labels.
            UsageError: E004 for another number of contrasts than it takes.
        """
        if len(contrasts) != self.n_contrasts:
            raise UsageError(
                "E004",
                f"{len(contrasts)} contrasts for a segmenter of {self.n_contrasts}",
                f"{self.n_contrasts}",
                "Name as many as it takes, in its order.",
            )
        images = np.concatenate([self._images(volume) for volume in contrasts], axis=1)
        windows = np.swapaxes(images, 0, 1)[None] if len(self._size) == 3 else images
        filled = self._filled(windows)
        parts = [self._labels(filled[n : n + _AT_ONCE]) for n in range(0, len(filled), _AT_ONCE)]
        labels = np.concatenate(parts)[(slice(None), *(slice(side) for side in windows.shape[2:]))]
        return as_labels(labels[0] if len(self._size) == 3 else labels, contrasts[0])

    def _images(self, volume: Volume) -> NDArray[np.float32]:
        """Return the upright slices of one contrast, `(K, 1, H, W)`, in its window."""
        if volume.is_colour:
            raise InputError(
                "E122", "a volume in colour for the segmenter", "a grey one", "Leave dice and hd95 out."
            )
        low, high = self._window or ValueWindow(0.0, 1.0)
        images: NDArray[np.float32] = slices(volume, Scale(low, high - low, ""), None)[:, :1].numpy()
        return images if self._window is None else np.clip(images, 0, 1)

    def text(self) -> str:
        """Return it in words, for a protocol."""
        values = (
            "real units"
            if self._window is None
            else f"{self._window.low:g} to {self._window.high:g} as 0 to 1"
        )
        windows = "upright volumes" if len(self._size) == 3 else "upright axial slices"
        return f"segmenter {self.sha256[:12]}, {windows}, {values}"

    def _filled(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        plane = images.shape[2:]
        size = [own or side for own, side in zip(self._size, plane, strict=True)]
        missing = [side - own for side, own in zip(size, plane, strict=True)]
        if min(missing) < 0:
            kind = "volumes" if len(size) == 3 else "slices"
            raise InputError(
                "E130",
                f"{kind} of {' x '.join(map(str, plane))} pixels",
                f"at most {' x '.join(map(str, size))}, the segmenter's size",
                "Export it with free sizes, or compare your own segmentations: transmodal overlap.",
            )
        return np.pad(
            images, [(0, 0), (0, 0), *((0, width) for width in missing)], constant_values=images.min()
        )

    def _labels(self, images: NDArray[np.float32]) -> Labels:
        answer = self._run(np.ascontiguousarray(images))
        n, _, *plane = images.shape
        whole = answer.dtype.kind in "iub"
        if whole and answer.shape in ((n, *plane), (n, 1, *plane)):
            labels: Labels = answer.reshape(n, *plane).astype(np.int64)
            if labels.min() >= 0:
                return labels
        if (
            not whole
            and answer.ndim == images.ndim
            and answer.shape[1] > 1
            and [n, *plane] == [answer.shape[0], *answer.shape[2:]]
        ):
            best: Labels = answer.argmax(axis=1)
            return best
        raise InputError(
            "E102",
            f"a segmenter's answer of {answer.dtype} {answer.shape} to {images.shape}",
            _EXPECTED,
            "Export the segmenter so; a threshold belongs into the graph.",
        )


class SegmentationOverlap:
    """Segments the target and the synthetic volume, and compares.

    Inside the mask only the structures' voxels there count; both volumes are segmented whole.

    Args:
        metrics: `dice`, `hd95` or both.
        segmenter: labels a volume.
    """

    def __init__(self, metrics: tuple[str, ...], segmenter: Segmenter) -> None:
        self.metrics = metrics
        self._segmenter = segmenter
        self._case: tuple[str, Labels] | None = None
        self._structures: list[dict[str, Any]] = []

    def measure(self, pair: CasePair) -> list[MetricValue]:
        """Return the means over the structures, inside the mask first; NaN where neither has a structure.

        Raises:
            InputError: E120 for values that are not finite, E124 for an empty mask, and as `Segmenter`.
        """
        pair.check()
        if self._case is None or self._case[0] != pair.case:
            self._case = pair.case, self._segmenter(pair.reference)
        reference, synthetic = self._case[1], self._segmenter(pair.synthetic)
        values = []
        for mask in [pair.mask, None] if pair.mask is not None else [None]:
            x, y = (labels if mask is None else labels * mask for labels in (reference, synthetic))
            figures = by_structure(x, y, pair.reference.spacing)
            region = "whole" if mask is None else "mask"
            about = {"case": pair.case, "translator": pair.translator, "region": region}
            self._structures += [{**about, **structure_record(structure)} for structure in figures]
            means = dict(zip(METRICS, overall(figures), strict=True))
            protocol = Protocol(
                "whole" if mask is None else "mask",
                3,
                pair.unit,
                definition=f"{self._segmenter.text()}; {DEFINITION}",
                mask="" if mask is None else pair.mask_text,
            )
            values += [MetricValue(name, means[name], find(name).unit, protocol) for name in self.metrics]
        return values

    def split_figures(self) -> list[SplitFigure]:
        """Return nothing: all figures are of cases."""
        return []

    def record(self) -> dict[str, Any]:
        """Return which segmenter labelled, and every structure's figures."""
        return {"segmenter_sha256": self._segmenter.sha256, "structures": list(self._structures)}


def open_onnx(path: Path, window: ValueWindow | None = None) -> Segmenter:
    """Open a segmenter.

    Args:
        path: ONNX file, all its weights within.
        window: of its values; None gives it real units.

    Raises:
        InputError: E100 when there is no file, E102 when it is no ONNX graph that can be run, or has other inputs
            and outputs.
        UsageError: E001 for a window that is none.
        ResourceError: E404 without onnxruntime.
    """
    if window is not None and not (math.isfinite(window.low) and window.low < window.high < math.inf):
        raise UsageError(
            "E001", f"the window {window.low:g},{window.high:g}", "LOW,HIGH, ascending", "Turn it."
        )
    if not path.is_file():
        raise InputError(
            "E100", f"{path} does not exist", "a segmenter as ONNX", "Export it to an .onnx file."
        )
    content = regular.read_bytes(path, limit=MODEL_BYTES)
    session = _session(path, content)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    shape = inputs[0].shape if len(inputs) == 1 else []
    count = str(shape[1]) if len(shape) in (4, 5) else ""
    if len(outputs) != 1 or not count.isdecimal() or inputs[0].type != "tensor(float)":
        takes = ", ".join(f"{part.type} {part.shape}" for part in inputs)
        raise InputError(
            "E102",
            f"{path} takes {takes} and gives {len(outputs)} outputs",
            _EXPECTED,
            "Export the segmenter so.",
        )
    size = tuple(side if isinstance(side, int) else None for side in shape[2:])
    return Segmenter(_runner(path, session), size, hashlib.sha256(content).hexdigest(), window, int(count))


def _session(path: Path, content: bytes) -> Any:  # noqa: ANN401  # onnxruntime has no types
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise ResourceError(
            "E404",
            "onnxruntime is not installed",
            "it, to run a segmenter",
            "pip install 'transmodal[export]'",
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # what onnxruntime raises has no common base but this
        raise InputError(
            "E102",
            f"{path} cannot be run: {_first_line(error)}",
            "an ONNX graph",
            "Export the segmenter again.",
        ) from error


def _runner(path: Path, session: Any) -> Run:  # noqa: ANN401  # onnxruntime has no types
    """Return how a session labels windows; a graph of a fixed batch takes them one by one."""
    name, has_fixed_batch = session.get_inputs()[0].name, isinstance(session.get_inputs()[0].shape[0], int)

    def run(images: NDArray[np.float32]) -> NDArray[Any]:
        batches = np.split(images, len(images)) if has_fixed_batch else [images]
        try:
            return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
        except Exception as error:
            raise InputError(
                "E102",
                f"{path} cannot take {images.shape}: {_first_line(error)}",
                _EXPECTED,
                "Export it with a fixed size, which smaller ones are filled up to.",
            ) from error

    return run


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
