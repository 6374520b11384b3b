"""Pictures of volumes: joint windows, signed error maps, and one strip of source, synthetic and target."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from transmodal.evaluation.drawing.planes import Frame, Mask, Strip, canonical, outline
from transmodal.evaluation.drawing.words import number
from transmodal.evaluation.score import unit_of
from transmodal.modalities import modality_of
from transmodal.volumes import Volume

Pixels = NDArray[np.uint8]


class DisplayWindow(NamedTuple):
    """Values shown from black to white, and their unit; colour is shown as it is."""

    low: float
    high: float
    unit: str
    is_colour: bool = False


def label(modality: str) -> str:
    """Return a modality as readers know it: `T1`, `FA`, `CT`, and `colour`."""
    return modality_of(modality).label


def modality_labels(modalities: Iterable[str]) -> str:
    """Return several modalities as readers know them: `T1 + T2`."""
    return " + ".join(label(name) for name in modalities)


def task_label(sources: Iterable[str], target: str) -> str:
    """Return a task as readers know it: `T1 to FA`, or `CT` where there is no source."""
    names = modality_labels(sources)
    return f"{names} to {label(target)}" if names else label(target)


def window_of(
    modality: str, voxels: NDArray[Any], mask: Mask | None = None, *, unit: str = ""
) -> DisplayWindow:
    """Choose the values that are shown, for all images of one modality: fixed by its record, or from the target.

    Args:
        modality: says the unit.
        voxels: of the target, real values.
        mask: where to look; None looks everywhere.
        unit: of the values, where it is not the modality's own: CT in grey levels has no fixed window.
    """
    own = modality_of(modality)
    fixed_low, fixed_high = own.window
    if fixed_low is not None and fixed_high is not None and (own.is_colour or not unit):
        return DisplayWindow(fixed_low, fixed_high, own.unit, own.is_colour)
    inside = voxels if mask is None or not mask.any() else voxels[mask]
    low, high = (float(value) for value in np.percentile(inside, (0.5, 99.5)))
    if fixed_low == 0:  # which is nothing in every unit
        low = 0.0
    return DisplayWindow(
        low, round_up(high - low) + low if high > low else low + 1.0, unit_of(modality, unit)
    )


def error_limit(differences: Sequence[NDArray[Any]]) -> float:
    """Return a round limit that nearly all absolute differences lie below; 1 where there is no difference."""
    pool = np.concatenate([np.abs(difference[np.isfinite(difference)]).ravel() for difference in differences])
    return round_up(float(np.percentile(pool, 99))) if pool.size and pool.max() > 0 else 1.0


def round_up(value: float) -> float:
    """Round up to 1, 1.5, 2, 2.5, 3, 4, 5, 6 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return next((step * power for step in steps if step * power >= value * (1 - 1e-9)), 10 * power)


def grey(strip: Strip, window: DisplayWindow) -> Pixels:
    """Map values to bytes: `(H, W)` or `(H, W, 3)` in colour; what is not finite is black."""
    scaled = (np.nan_to_num(strip, nan=window.low) - window.low) / (window.high - window.low)
    pixels: Pixels = np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return pixels


def difference(synthetic: Strip, target: Strip) -> Strip:
    """Return synthetic minus target; in colour the mean absolute difference over the channels."""
    signed: Strip = synthetic - target
    return np.abs(signed).mean(axis=-1) if signed.ndim == 3 else signed


def error_levels(strip: Strip, limit: float) -> Pixels:
    """Map signed differences to levels of the error palette: 0 at `-limit`, 128 at 0, 255 at `limit`."""
    scaled = np.clip(np.nan_to_num(strip) / limit, -1, 1)
    levels: Pixels = np.rint(128 + scaled * np.where(scaled < 0, 128, 127)).astype(np.uint8)
    return levels


def error_palette() -> Pixels:
    """Return the 256 colours of the error map: blue where too low, black at 0, orange where too high."""
    anchors = {
        0: (214, 240, 255),
        40: (86, 170, 235),
        88: (24, 78, 140),
        128: (8, 8, 10),
        168: (146, 56, 14),
        216: (240, 138, 44),
        255: (255, 240, 200),
    }
    levels = np.arange(256)
    channels = [np.interp(levels, list(anchors), [c[n] for c in anchors.values()]) for n in range(3)]
    palette: Pixels = np.rint(np.stack(channels, axis=1)).astype(np.uint8)
    return palette


def png(pixels: Pixels, palette: Pixels | None = None) -> bytes:
    """Encode grey, colour or palette levels as PNG."""
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def picture(
    sources: Mapping[str, Volume],
    synthetic: Volume,
    target: Volume,
    *,
    modality: str,
    mask: Mask | None = None,
    height: int = 260,
) -> bytes:
    """Draw sources, synthetic, target and error side by side on one axial plane, as PNG.

    Args:
        sources: source volumes by name; all volumes share one grid.
        synthetic: what a translator made.
        target: as measured.
        modality: of the target; it says the window and the unit.
        mask: outlined, and where windows are chosen; None takes the whole volumes.
        height: of the planes, in pixels.
    """
    inside = None if mask is None else canonical(target.with_voxels(mask.astype(np.uint8))).voxels > 0
    truth = canonical(target)
    flat = truth.voxels.reshape(*truth.grid.shape, -1)
    content = np.asarray((flat != flat.min()).any(axis=-1)) if inside is None else inside
    frame = Frame.of(truth.grid, content)
    window = window_of(modality, truth.voxels, inside)
    target_plane, synthetic_plane = (
        frame.plane(volume.voxels, "axial") for volume in (truth, canonical(synthetic))
    )
    error = difference(synthetic_plane, target_plane)
    limit = error_limit([error])
    panels = []
    for name, volume in sources.items():
        grey_source = canonical(volume)
        shades = grey(frame.plane(grey_source.voxels, "axial"), window_of(name, grey_source.voxels, inside))
        panels.append(_Panel(label(name), shades, None))
    panels += [
        _Panel(f"synthetic {label(modality)}", grey(synthetic_plane, window), _bar(window)),
        _Panel(label(modality), grey(target_plane, window), _bar(window)),
        _Panel("error", error_palette()[error_levels(error, limit)], _error_bar(limit, window)),
    ]
    segments = [] if inside is None else outline(frame.plane(inside, "axial"))
    return _compose(panels, segments, height)


class _Bar(NamedTuple):
    colours: Pixels
    low: str
    high: str


class _Panel(NamedTuple):
    label: str
    pixels: Pixels
    bar: _Bar | None


def _bar(window: DisplayWindow) -> _Bar | None:
    if window.is_colour:
        return None
    shades = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    return _Bar(shades, number(window.low), f"{number(window.high)} {window.unit}")


def _error_bar(limit: float, window: DisplayWindow) -> _Bar:
    if window.is_colour:
        return _Bar(error_palette()[128:], "0", f"{number(limit)} {window.unit}")
    return _Bar(error_palette(), number(-limit), f"+{number(limit)} {window.unit}")


def _compose(panels: Sequence[_Panel], segments: Sequence[tuple[float, ...]], height: int) -> bytes:
    rows, columns = panels[0].pixels.shape[:2]
    scale = height / rows
    width, pad, foot = round(columns * scale), 12, 58
    canvas = Image.new("RGB", (pad + (width + pad) * len(panels), pad + height + foot), (12, 13, 16))
    draw = ImageDraw.Draw(canvas)
    font, small = ImageFont.load_default(15), ImageFont.load_default(12)
    for n, panel in enumerate(panels):
        x_left = pad + n * (width + pad)
        picture = (
            Image.fromarray(panel.pixels).convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        )
        canvas.paste(picture, (x_left, pad))
        if n >= len(panels) - 3:
            for x1, y1, x2, y2 in segments:
                ends = (x_left + x1 * scale, pad + y1 * scale, x_left + x2 * scale, pad + y2 * scale)
                draw.line(ends, fill=(70, 190, 175), width=1)
        for text, x in (("R", x_left + 4), ("L", x_left + width - 13)):
            draw.text((x, pad + 5), text, fill=(150, 155, 165), font=small)
        draw.text((x_left, pad + height + 8), panel.label, fill=(236, 238, 242), font=font)
        if panel.bar is not None:
            _draw_bar(canvas, panel.bar, (x_left, pad + height + 31, width), small)
    return png(np.asarray(canvas))


def _draw_bar(
    canvas: Image.Image,
    bar: _Bar,
    place: tuple[int, int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    x_left, top, width = place
    canvas.paste(Image.fromarray(bar.colours[None]).resize((width, 7)), (x_left, top))
    draw = ImageDraw.Draw(canvas)
    low = bar.low.replace("\N{MINUS SIGN}", "-")  # pillow's own font has no true minus
    draw.text((x_left, top + 9), low, fill=(170, 175, 185), font=font)
    draw.text((x_left + width, top + 9), bar.high, fill=(170, 175, 185), font=font, anchor="ra")
