"""The result of a translation, and how it is written: images that say that they are synthetic, each with a sidecar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from transmodal._version import __version__
from transmodal.errors import UsageError
from transmodal.inference.names import ENDS, sidecar_of, spread_of
from transmodal.inference.provenance import sidecar as sidecars
from transmodal.storage import outputs
from transmodal.volumes import Volume, binding
from transmodal.volumes.binding import Binding


class ImageForm(Protocol):
    """The form that a synthetic volume is written in, where it is not a file whose ending says it."""

    def describe(self, volume: Volume) -> dict[str, Any]:
        """Return what the sidecar says of the form."""

    def notes(self, volume: Volume) -> tuple[str, ...]:
        """Return what a reader should know of the form."""

    def write(self, volume: Volume, path: Path, record: Mapping[str, Any]) -> Binding:
        """Write a volume whose record is known; return the hashes of what was written."""

    def write_beside(self, translation: Translation, path: Path) -> dict[str, Any]:
        """Write what stands beside the image; return the name and the hashes of each file, by its key of the sidecar."""


@dataclass(frozen=True, slots=True)
class Translation:
    """The result of a translation.

    Attributes:
        volume: the synthetic volume, on the source's grid, in real units.
        disagreement: standard deviation over planes, draws and flips, or over the runs of an ensemble, same grid and
            unit; None for one pass.
        record: how the volume came about, JSON-able.
        region: where the run translates, 0 or 1 on the same grid; None where that is everywhere.
        interval: lower and upper volume, as `intervals.interval` makes them; None without.
    """

    volume: Volume
    disagreement: Volume | None
    record: dict[str, Any]
    region: Volume | None = None
    interval: tuple[Volume, Volume] | None = None

    def write(
        self,
        path: Path | str,
        *,
        disagreement: bool = False,
        about: Mapping[str, object] | None = None,
        form: ImageForm | None = None,
    ) -> Path:
        """Write the volume and, beside it, a sealed JSON sidecar that is bound to it by SHA-256.

        The header of a NIfTI image says that it is synthetic; an image that is there is replaced. Where there is an interval
        its ends are written too, each with a sidecar of its own.

        Args:
            path: of the volume; the ending says the format.
            disagreement: write the standard deviation over the passes too, with a sidecar of its own.
            about: what the sidecar says besides how the volume came about, such as where the sources come from.
            form: such as `inference.dicom.SeriesForm`, whose path is a folder; None takes that of the ending.

        Returns:
            The path of the volume's sidecar.

        Raises:
            UsageError: E004 when the disagreement is asked for but there was one pass, or it or an interval beside another
                form than a file; E005 for a path that cannot be.
            InputError: as `volumes.io.write`.
            IntegrityError: E503 when the image does not read back equal.
            ResourceError: E403 when the disk is full or may not be written.
        """
        path, spread = Path(path), self.disagreement
        if disagreement and spread is None:
            raise UsageError(
                "E004",
                "--disagreement with one pass",
                "several axes, flips, runs, or draws of noise",
                "Add --axes x,y,z, --flips x, --with-run RUN, or --draws N where the translator draws noise, or leave it out.",
            )
        if disagreement and form is not None:
            raise UsageError(
                "E004", "--disagreement with --as dicom", "one of the two", "Write the disagreement as NIfTI."
            )
        if self.interval is not None and form is not None:
            raise UsageError(
                "E004", "--interval with --as dicom", "one of the two", "Write the interval as NIfTI."
            )
        with outputs.os_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
        before = sidecars.read_whole(sidecar_of(path))
        with _announced(sidecar_of(path), {**self.record, **(about or {})}) as record:
            if form is None:
                self._write_images(path, record, disagreement=disagreement)
            else:
                self._write_form(path, record, form)
            sidecars.write(sidecar_of(path), record)
        sidecars.clear_beside(before, record)
        return sidecar_of(path)

    def _write_form(self, path: Path, record: dict[str, Any], form: ImageForm) -> None:
        record["notes"] = [*record["notes"], *form.notes(self.volume)]
        record |= form.describe(self.volume)
        record["image"] = {"name": path.name, **form.write(self.volume, path, record)._asdict()}
        record |= form.write_beside(self, path)

    def _write_images(self, path: Path, record: dict[str, Any], *, disagreement: bool) -> None:
        """Write the image, its spread where it is asked for, and its interval, and say in the record what they are."""
        spread = self.disagreement
        record["image"] = self._write_image(self.volume, path)
        if disagreement and spread is not None:
            kind = self._kind_of_spread()
            record[kind] = self._write_image(spread, spread_of(path, kind), f": {kind.replace('_', ' ')}")
            makers = "runs" if "ensemble" in self.record else "passes"
            shows = f"standard deviation over the {makers} that became {record['image']['name']}, in its unit"
            self._write_beside(spread_of(path, kind), record["image"], record[kind], shows)
        for kind, end in zip(ENDS, self.interval or (), strict=False):
            record[kind] = self._write_image(end, spread_of(path, kind), f": {kind} end of an interval")
            shows = f"{kind} end of the interval around {record['image']['name']}: {record['interval']['promise']}"
            self._write_beside(spread_of(path, kind), record["image"], record[kind], shows)

    def _kind_of_spread(self) -> str:
        """Return which of `names.SPREADS` the disagreement is."""
        if "ensemble" in self.record:
            return "run_disagreement"
        is_of_planes = not {"draws", "flips"} & set(self.record["passes"])
        return "plane_disagreement" if is_of_planes else "disagreement"

    def _write_image(self, volume: Volume, path: Path, kind: str = "") -> dict[str, str]:
        """Write an image whose header says what it is; return its name and its hashes."""
        marker = f"SYNTHETIC {self.record['target']}{kind}, transmodal {__version__}"
        return {"name": path.name, **binding.write(volume, path, description=marker)._asdict()}

    def _write_beside(self, path: Path, image: Mapping[str, str], own: Mapping[str, str], shows: str) -> None:
        """Write the sidecar of an image beside another."""
        shared = ("synthetic", "intended_use", "tool", "target", "passes")
        record = {
            **{key: self.record[key] for key in shared},
            "shows": shows,
            "image": own,
            "of": image,
        }
        sidecars.write(sidecar_of(path), record)


@contextmanager
def _announced(sidecar: Path, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Write a sidecar without its image first: after a kill, the image beside it is known for what it is.

    A sidecar that is there stays until it is replaced; when the block fails before there is an image, one that was not
    there goes again.
    """
    if sidecar.exists():
        yield record
        return
    try:
        sidecars.write(sidecar, record)
        yield record
    except BaseException:
        if "image" not in record:
            sidecar.unlink(missing_ok=True)
        raise
