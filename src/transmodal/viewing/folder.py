"""Viewer pages of many cases below the folder of a report: NiiVue once beside them, each with its volumes inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from transmodal.storage import files, outputs
from transmodal.viewing import niivue
from transmodal.viewing.encoding import coarsen
from transmodal.viewing.layers import Layer
from transmodal.viewing.page import MEGABYTE, Scene, single_file

NAME = "viewer"
PAGE_BYTES = 3 * MEGABYTE
"""A page's volumes become coarser until it takes no more."""
FOLDER_BYTES = 300 * MEGABYTE
"""Cases beyond have no page."""

_VOXELS = 1_000_000
_SCRIPT = "niivue.js"
_OWN = re.compile(r"\d{4,}-.*\.html")


class ViewerFolder:
    """Viewer pages below a report's folder, which its pages link to.

    Args:
        report: the report's folder; pages of an earlier report below it are removed.
        most_bytes: of all pages together.

    Raises:
        ResourceError: E404 where NiiVue is not installed, E403 where nothing can be written.
        UsageError: E005 where the folder cannot be used.
    """

    def __init__(self, report: Path, most_bytes: int = FOLDER_BYTES) -> None:
        script = niivue.script()
        self._folder, self._most_bytes = report / NAME, most_bytes
        outputs.check_folder(self._folder)
        with outputs.os_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(self._folder.iterdir()):
                if _OWN.fullmatch(path.name):
                    path.unlink()
        self._n_bytes = self._write(_SCRIPT, script)
        self._n_left_out = 0
        self.addresses: dict[str, str] = {}

    def add(self, case: str, layers: Sequence[Layer]) -> None:
        """Write the page of a case, unless the pages have reached what they may take together.

        Raises:
            ResourceError: E403 where it cannot be written.
        """
        if self._n_bytes + PAGE_BYTES > self._most_bytes:
            self._n_left_out += 1
            return
        coarse = [coarsen(layer, _factor(layer)) for layer in layers]
        text = single_file(Scene(case, coarse), PAGE_BYTES, niivue_at=_SCRIPT)
        name = f"{len(self.addresses) + 1:04d}-{_plain(case)}.html"
        self._n_bytes += self._write(name, text)
        self.addresses[case] = f"{NAME}/{name}"

    def note(self) -> str:
        """Return a line on what the pages hold and which cases have none."""
        line = (
            "The viewer's pages lie in the folder viewer beside this one and open offline; each holds its volumes at a "
            f"working resolution, in at most {PAGE_BYTES / MEGABYTE:g} MB."
        )
        if self._n_left_out:
            line += f" {self._n_left_out} cases have none: all pages together take at most {self._most_bytes / MEGABYTE:g} MB."
        return line

    def _write(self, name: str, text: str) -> int:
        with files.atomic_path(self._folder / name) as part:
            return part.write_bytes(text.encode())


def _factor(layer: Layer) -> float:
    """Return how much coarser a layer becomes so as to have no more than `_VOXELS`."""
    i, j, k = layer.volume.grid.shape
    return float((i * j * k * layer.volume.n_channels / _VOXELS) ** (1 / 3))


def _plain(case: str) -> str:
    """Return a case's id without characters that some paths cannot hold."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", case).strip(".-")[:60] or "case"
