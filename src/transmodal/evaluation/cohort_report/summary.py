"""Summary of one prepared case for the cohort's page: small pictures, histograms and grids; kilobytes, not volumes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from transmodal.cohorts.manifest import CaseEntry
from transmodal.cohorts.quality.pair_notes import ContrastPair
from transmodal.cohorts.quality.pairs import list_pairs, rank_modalities
from transmodal.cohorts.quality.rigid_search import mutual_information
from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.drawing.figures import DisplayWindow, grey, png, window_of
from transmodal.evaluation.drawing.planes import Frame
from transmodal.volumes import Grid, Volume

BINS = 48
_SAMPLED = 64  # voxels per axis that figures are taken from
_PIXELS = 100  # of a plane's longer side
_QUALITY = 72
_LINE = (79, 209, 193)


class SummaryJob(NamedTuple):
    """A case to summarise, as it travels to a worker."""

    folder: Path
    entry: CaseEntry
    with_pictures: bool


class Histogram(NamedTuple):
    """Counts in `BINS` equal bins from `low` to `high`, over the content."""

    low: float
    high: float
    counts: tuple[int, ...]


class JointHistogram(NamedTuple):
    """Two contrasts together.

    Attributes:
        information: mutual information in nats, as they lie.
        picture: the joint histogram as PNG, counts by their logarithm, the first contrast to the right; empty
            without pictures.
    """

    information: float
    picture: bytes


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """One case as the page shows it.

    Attributes:
        case: its name.
        grid: the canonical one.
        native: orientation of the files, by modality.
        pictures: three planes side by side as WebP, by modality; empty without pictures.
        outline: border of the mask over the pictures as PNG, clear elsewhere; empty where there is no mask.
        outlined: what the border is of.
        size: of the pictures in pixels, width and height.
        histograms: by modality.
        joints: by the two modalities.
    """

    case: str
    grid: Grid
    native: Mapping[str, str]
    pictures: Mapping[str, bytes]
    outline: bytes
    outlined: str
    size: tuple[int, int]
    histograms: Mapping[str, Histogram]
    joints: Mapping[ContrastPair, JointHistogram]


def summarise_case(job: SummaryJob) -> CaseSummary:
    """Summarise one case; planes and every n-th voxel are read, never a whole volume at a time.

    Raises:
        IntegrityError: E501 when an array of the case is not there.
    """
    case = PreparedCase(job.folder, job.entry)
    volumes = {name: case.volume(name) for name in case.modalities}
    steps = tuple(max(1, -(-n // _SAMPLED)) for n in case.grid.shape)
    samples = {name: _grey_values(_subsample(volume.voxels, steps)) for name, volume in volumes.items()}
    outlined, mask = _mask(case)
    content = _content(samples) if mask is None else _subsample(mask, steps)
    summary = CaseSummary(
        case.id,
        case.grid,
        {name: case.native_grid(name).orientation for name in volumes},
        {},
        b"",
        outlined,
        (0, 0),
        {name: _histogram(values[content]) for name, values in samples.items()},
        {
            pair: _joint(samples[pair.fixed][content], samples[pair.moving][content], job.with_pictures)
            for pair in list_pairs(samples)
        },
    )
    if not job.with_pictures:
        return summary
    units = {name: entry.unit for name, entry in case.entry.volumes.items()}
    return _add_pictures(summary, volumes, units, _frame(case.grid, content, steps), mask)


def tilt_degrees(grid: Grid) -> float:
    """Return the greatest angle between a voxel axis and the axis of the patient that is nearest to it."""
    ways = np.abs(grid.affine[:3, :3]) / np.linalg.norm(grid.affine[:3, :3], axis=0)
    return float(np.degrees(np.arccos(np.clip(ways.max(axis=0).min(), 0, 1))))


def _mask(case: PreparedCase) -> tuple[str, NDArray[np.bool_] | None]:
    """Return the data set's mask, else the first region that was computed."""
    mask = case.mask()
    if mask is not None:
        return "the data set's mask", mask
    for region in case.entry.regions:
        if region.kind != "whole":
            return f"{region.kind.replace('_', ' ')} of {region.modality}", case.region(
                region.modality, region.kind
            )
    return "", None


def _subsample(voxels: NDArray[Any], steps: Sequence[int]) -> NDArray[Any]:
    """Return every n-th voxel of each axis, from the middle of the first step on."""
    return np.asarray(voxels[tuple(slice(step // 2, None, step) for step in steps)])


def _grey_values(voxels: NDArray[Any]) -> NDArray[np.float32]:
    """Return grey values; integers are spread over their width, lest bins and integers make stripes."""
    values: NDArray[np.float32] = voxels.astype(np.float32)
    if values.ndim == 4:
        values = values.mean(axis=-1)
    elif voxels.dtype.kind != "f":
        values += np.random.default_rng(0).random(values.shape, np.float32) - 0.5
    return values


def _content(samples: Mapping[str, NDArray[np.float32]]) -> NDArray[np.bool_]:
    """Return what stands out of the background in some contrast."""
    content = np.zeros(next(iter(samples.values())).shape, bool)
    for values in samples.values():
        low, high = np.percentile(values, (1, 99.5))
        content |= values > low + 0.1 * (high - low)
    return content if content.any() else ~content


def _histogram(values: NDArray[np.float32]) -> Histogram:
    low, high = _ends(values)
    counts = np.bincount(_binned(values, low, high), minlength=BINS)
    return Histogram(low, high, tuple(int(count) for count in counts))


def _joint(first: NDArray[np.float32], second: NDArray[np.float32], with_picture: bool) -> JointHistogram:
    columns, rows = (_binned(values, *_ends(values)) for values in (first, second))
    counts = np.bincount(rows * BINS + columns, minlength=BINS**2).reshape(BINS, BINS)
    if not with_picture:
        return JointHistogram(mutual_information(counts), b"")
    shades = np.log1p(counts) / max(float(np.log1p(counts.max())), 1e-9)
    return JointHistogram(mutual_information(counts), png(np.rint(255 * shades[::-1]).astype(np.uint8)))


def _ends(values: NDArray[np.float32]) -> tuple[float, float]:
    low, high = (float(value) for value in np.percentile(values, (0.5, 99.5)))
    return low, high if high > low else low + 1.0


def _binned(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.intp]:
    places: NDArray[np.intp] = np.clip((values - low) / (high - low) * BINS, 0, BINS - 1).astype(np.intp)
    return places


def _frame(grid: Grid, content: NDArray[np.bool_], steps: Sequence[int]) -> Frame:
    """Frame the content that every n-th voxel shows, on the whole grid."""
    subsampled = Grid(content.shape, grid.affine @ np.diag([*steps, 1.0]))
    frame = Frame.of(subsampled, content)
    i, j, k = (
        min(at * step + step // 2, n - 1) for at, step, n in zip(frame.centre, steps, grid.shape, strict=True)
    )
    box = tuple(
        (first * step, min(last * step + step - 1, n - 1))
        for (first, last), step, n in zip(frame.box, steps, grid.shape, strict=True)
    )
    sides = [(last - first + 1) * mm for (first, last), mm in zip(box, grid.spacing, strict=True)]
    return Frame((i, j, k), box, grid.spacing, max(sides) / _PIXELS)


def _add_pictures(
    summary: CaseSummary,
    volumes: Mapping[str, Volume],
    units: Mapping[str, str],
    frame: Frame,
    mask: NDArray[np.bool_] | None,
) -> CaseSummary:
    pictures = {}
    for name in rank_modalities(volumes):
        strip = frame.strip(volumes[name].voxels)
        pixels = Image.fromarray(grey(strip, _window(name, summary.histograms[name], units[name])))
        pictures[name] = _webp(pixels)
        summary = replace(summary, size=pixels.size)
    line = b"" if mask is None else _outline(frame.strip(mask))
    return replace(summary, pictures=pictures, outline=line)


def _window(modality: str, histogram: Histogram, unit: str) -> DisplayWindow:
    return window_of(modality, np.array([histogram.low, histogram.high]), unit=unit)


def _outline(strip: NDArray[np.float32]) -> bytes:
    inside = np.nan_to_num(strip) > 0.5
    border = inside & ~ndimage.binary_erosion(inside)
    image = Image.fromarray(border.astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, *_LINE])
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True, transparency=0, bits=1)
    return buffer.getvalue()


def _webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=_QUALITY)
    return buffer.getvalue()
