"""The viewer's page: its parts for a server, or one file that holds its volumes and makes no request."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import numpy as np

from transmodal.errors import UsageError
from transmodal.notice import INTENDED_USE
from transmodal.viewing import niivue
from transmodal.viewing.encoding import coarsen, encode
from transmodal.viewing.layers import Layer, windows
from transmodal.viewing.scripts import data_block, policy_hash

MEGABYTE = 1_000_000
SERVED_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; connect-src 'self'"
)
"""Content-Security-Policy of a served page."""
_FOLDER = Path(__file__).parent
_ATTEMPTS = 8


class Scene(NamedTuple):
    """A page's content.

    Attributes:
        title: plain text.
        layers: the base first, then what may lie over it.
    """

    title: str
    layers: Sequence[Layer]

    @property
    def over(self) -> int | None:
        """Number of the layer that the page opens with over the base: a difference; None where there is none."""
        return next((n for n, layer in enumerate(self.layers) if layer.role == "difference"), None)


class PagePart(NamedTuple):
    """A file that a server gives out: its type and its bytes."""

    kind: str
    content: bytes


def parts(scene: Scene) -> dict[str, PagePart]:
    """Return the files of a served page by name; the page itself has none.

    Raises:
        ResourceError: E404 where NiiVue is not installed.
    """
    return {**own_parts(scene), **shared_parts()}


def own_parts(scene: Scene) -> dict[str, PagePart]:
    """Return the files of a served page that are this scene's alone: the page itself, without a name, and its volumes."""
    layers = [coarsen(layer, 1.0) for layer in scene.layers]
    volumes = {f"volume-{n}.nii": encode(layer.volume) for n, layer in enumerate(layers)}
    head = '<link rel="stylesheet" href="viewer.css">'
    scripts = '<script src="niivue.js"></script>\n<script src="viewer.js"></script>'
    page = _fill(Scene(scene.title, layers), SERVED_POLICY, head, scripts, list(volumes))
    return {
        "": PagePart("text/html; charset=utf-8", page.encode()),
        **{name: PagePart("application/octet-stream", content) for name, content in volumes.items()},
    }


def shared_parts() -> dict[str, PagePart]:
    """Return the files that every served page has.

    Raises:
        ResourceError: E404 where NiiVue is not installed.
    """
    return {
        "viewer.css": PagePart("text/css; charset=utf-8", _text("viewer.css").encode()),
        "viewer.js": PagePart("text/javascript; charset=utf-8", _text("viewer.js").encode()),
        "niivue.js": PagePart("text/javascript; charset=utf-8", niivue.script().encode()),
    }


def single_file(scene: Scene, max_bytes: int, *, niivue_at: str = "") -> str:
    """Return one HTML document that holds its volumes and makes no request.

    Volumes are brought to a coarser grid together until the document is small enough; the page says so. Floats are
    rounded to 1/32767 of the largest value.

    Args:
        scene: to show.
        max_bytes: of the document.
        niivue_at: address of the script of NiiVue beside the document; empty puts it inside.

    Raises:
        UsageError: E001 where not even coarse volumes fit.
        ResourceError: E404 where NiiVue is not installed.
    """
    fixed = len(_with_volumes(scene, [], niivue_at).encode())
    factor = 1.0
    for _ in range(_ATTEMPTS):
        layers = [coarsen(layer, factor) for layer in scene.layers]
        volumes = [_packed(layer) for layer in layers]
        total = sum(map(len, volumes))
        if fixed + total <= max_bytes:
            return _with_volumes(Scene(scene.title, layers), volumes, niivue_at)
        room = max_bytes - fixed
        if room <= 0:
            break
        factor *= max(1.05, min(4.0, 1.03 * (total / room) ** (1 / 3)))
    raise UsageError(
        "E001",
        f"a page of at most {max_bytes / MEGABYTE:g} MB",
        f"more than {fixed / MEGABYTE:.1f} MB, which the viewer itself takes",
        "Allow more, such as --max-size 40.",
    )


def style() -> str:
    """Return the style sheet of the viewer, which pages of one look share."""
    return _text("viewer.css")


def _packed(layer: Layer) -> str:
    return b64encode(gzip.compress(encode(layer.volume, is_rounded=True), 6, mtime=0)).decode("ascii")


def _with_volumes(scene: Scene, volumes: Sequence[str], niivue_at: str) -> str:
    style, viewer = _text("viewer.css"), _text("viewer.js")
    own = [viewer] if niivue_at else [niivue.script(), viewer]
    # Scripts by their hashes: nothing else on the page can run, whatever a name holds.
    sources = " ".join([*map(policy_hash, own), *(["'self'", "file:"] if niivue_at else [])])
    policy = f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; img-src data: blob:"
    beside = f'<script src="{escape(niivue_at)}"></script>\n' if niivue_at else ""
    blocks = "\n".join(
        f'<script type="application/gzip" id="volume-{n}">{volume}</script>'
        for n, volume in enumerate(volumes)
    )
    inside = "\n".join(f"<script>{text}</script>" for text in own)
    scripts = f"{blocks}\n{beside}{inside}"
    return _fill(
        scene, policy, f"<style>\n{style}</style>", scripts, [f"#volume-{n}" for n in range(len(volumes))]
    )


def _fill(scene: Scene, policy: str, head: str, scripts: str, places: Sequence[str]) -> str:
    records = [_record(layer, place) for layer, place in zip(scene.layers, places, strict=False)]
    return Template(_text("viewer.html")).substitute(
        policy=escape(policy),
        title=escape(scene.title),
        head=head,
        notice=escape(INTENDED_USE),
        scene=data_block({"over": scene.over, "layers": records}),
        scripts=scripts,
    )


def _record(layer: Layer, place: str) -> dict[str, Any]:
    """Return what the page knows of a layer."""
    spacing = partial(" x ".join)
    return {
        "name": layer.name,
        "place": place,
        "role": layer.role,
        "modality": layer.modality,
        "unit": layer.unit,
        "colour": layer.volume.is_colour,
        "synthetic": layer.is_synthetic,
        "to_voxel": np.linalg.inv(layer.volume.affine)[:3].tolist(),
        "shape": list(layer.volume.grid.shape),
        "spacing": spacing(f"{n:.3g}" for n in layer.volume.spacing),
        "stored": spacing(f"{n:.3g}" for n in layer.spacing_mm) if layer.spacing_mm else "",
        "windows": [window._asdict() for window in windows(layer)],
    }


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
