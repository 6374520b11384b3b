"""Verifying in the words of the command line, for the command and for Python."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from transmodal.counts import counted
from transmodal.progress import Progress
from transmodal.storage import memory

if TYPE_CHECKING:
    from transmodal.storage.faults import Check, Fault


class Verification(NamedTuple):
    """Files that were compared with what is recorded of them.

    Attributes:
        kind: `cohort`, `run`, `checkpoint`, `model` for a run in one file, `evaluation`, or `image` for one synthetic image, `images` for a folder of them.
        files: how many files were compared.
        faults: of those that are not what was written.
    """

    kind: str
    files: int
    faults: tuple[Fault, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every file is what was written."""
        return not self.faults

    def text(self) -> str:
        """Return the counts on one line."""
        if self.faults:
            return f"{self.kind}: {len(self.faults)} of {self.files} files are not what was written"
        return f"{self.kind}: {counted(self.files, 'file is', 'files are')} what was written"


@memory.guarded("files were compared", "Free memory.")
def verify(
    place: str | Path, *, run: str | Path | None = None, progress: Progress | None = None
) -> Verification:
    """Compare every file of a cohort, a run, an evaluation or synthetic images with its hash, as `transmodal verify` does.

    Of a run these are its checkpoints and the evaluations in it; its curves and pictures have no hashes. A synthetic
    image is held against its sidecar, the sidecar against its own hash and its image.

    Args:
        place: folder of a prepared cohort, a run, one of its checkpoints or an evaluation, or its evaluation.json; a
            run in one file (`.tmz`), or a name of `transmodal models`; a synthetic image, its sidecar, or a folder of synthetic images.
        run: for synthetic images: also whether this run made them.
        progress: shows how far the work is.

    Raises:
        InputError: E100 for another folder, and for an image without a sidecar.
        UsageError: E004 for a run beside something else than synthetic images.
    """
    from transmodal.models import library
    from transmodal.storage.arrays import verified

    # What this process found whole some time ago may have rotted since.
    verified.forget()
    kind, checks = _list_checks(library.resolve(place), None if run is None else library.resolve(run))
    faults = []
    for n, check in enumerate(checks, start=1):
        fault = check.find_fault()
        if fault is not None:
            faults.append(fault)
        if progress is not None:
            progress.advance("verify", n, len(checks), check.owner)
    return Verification(kind, len(checks), tuple(faults))


def _list_checks(place: Path, run: Path | None) -> tuple[str, list[Check]]:
    """Return what a place is, and a check of each of its files."""
    kind, checks = _list_stored_checks(place)
    if checks:
        _refuse_run(run, kind)
        return kind, checks
    kind, checks = _list_image_checks(place, run)
    if not checks:
        from transmodal.errors import InputError

        raise InputError(
            "E100",
            f"{place} is no cohort, run, checkpoint, evaluation or synthetic image",
            "a folder with cohort.json, checkpoints or evaluation.json in it, or an image with its JSON file beside it",
            "Check the path.",
        )
    return kind, checks


def _list_stored_checks(place: Path) -> tuple[str, list[Check]]:
    """Return the checks of a cohort, a run, a checkpoint or an evaluation; none of anything else."""
    if (place / "cohort.json").is_file() or (place / "cases").is_dir():
        from transmodal.cohorts import faults as cohort

        return "cohort", cohort.list_checks(place)
    if (place / "checkpoints").is_dir():
        return "run", _list_run_checks(place)
    if place.is_file() and place.suffix.lower() == ".tmz":
        from transmodal.checkpoint import archive
        from transmodal.storage.faults import Check

        return "model", [Check(place.name, partial(archive.read, place))]
    if (place / "weights.safetensors").is_file():
        from transmodal.checkpoint import checks as checkpoint

        return "checkpoint", checkpoint.list_checks(place)
    return "evaluation", _list_evaluation_checks(place)


def _list_image_checks(place: Path, run: Path | None) -> tuple[str, list[Check]]:
    """Return the checks of a synthetic image or of a folder of them; none of anything else."""
    from transmodal.inference.provenance import checks, sidecar

    if place.is_dir() and not sidecar.is_series(place):
        sidecars = sidecar.list_places(place)
        folders = [path.parent.relative_to(place).as_posix() for path in sidecars]
        bound = [
            check
            for path, folder in zip(sidecars, folders, strict=True)
            for check in checks.list_checks(path, run, "" if folder == "." else f"{folder}/")
        ]
        return "images", bound + checks.list_orphan_checks(place, sidecars)
    is_synthetic = sidecar.place_of(place).is_file()
    return "image", checks.list_checks(place, run) if is_synthetic else []


def _refuse_run(run: Path | None, kind: str) -> None:
    if run is not None:
        from transmodal.errors import UsageError

        raise UsageError(
            "E004", f"--run beside a {kind}", "--run beside synthetic images", "Leave --run out."
        )


def _list_run_checks(run: Path) -> list[Check]:
    from transmodal.checkpoint import checks as checkpoint

    checks = []
    for folder in checkpoint.list_checkpoints(run):
        checks += checkpoint.list_checks(folder, f"{folder.relative_to(run).as_posix()}/")
    return checks + _list_evaluation_checks(run)


def _list_evaluation_checks(place: Path) -> list[Check]:
    """Return the checks of the evaluations in a folder, or of one whose record is named."""
    from transmodal.evaluation.verify import stored

    checks = []
    for record in stored.find_records(place):
        below = "." if place.is_file() else record.parent.relative_to(place).as_posix()
        checks += stored.list_checks(record, "" if below == "." else f"{below}/")
    return checks
