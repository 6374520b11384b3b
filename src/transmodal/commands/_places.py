"""Places that translations are written to: refused before any work where they cannot be, or would hide something."""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path

from transmodal.commands._jobs import Job
from transmodal.errors import UsageError
from transmodal.inference.names import ENDS, SPREADS, region_of, sidecar_of, spread_of, synthetic_name
from transmodal.storage import files, outputs
from transmodal.volumes import io, marks


def check_folder(output: Path, content: str) -> None:
    """Refuse an output that is named as one image where a folder of them will be written.

    Raises:
        UsageError: E005.
    """
    if output.name.lower().endswith(io.WRITABLE):
        raise UsageError(
            "E005",
            f"output {output.name}, one image, for {content}",
            "a folder to write them to",
            f"Name a folder, such as {output.name.split('.')[0] or 'synthetic'}, or one source image.",
        )


def check_places(
    jobs: Sequence[Job],
    *,
    overwrite: bool,
    disagreement: bool,
    interval: bool = False,
    has_region: bool = False,
    begun_before: Container[Path] = frozenset(),
) -> None:
    """Refuse outputs that cannot be written or that would hide something, before anything is translated.

    Args:
        jobs: what is to be translated.
        overwrite: whether images may be replaced that are synthetic themselves.
        disagreement: whether the spread over the passes is written too.
        interval: whether the ends of an interval are written too.
        has_region: whether the region of each series is written too.
        begun_before: outputs that an earlier call of the same command has begun to write.

    Raises:
        UsageError: E005 for another format, a place that cannot be, an output that exists or has a source's name,
            and for two outputs with one sidecar.
        ResourceError: E403 where nothing can be written.
    """
    owner: dict[Path, Job] = {}
    for job in jobs:
        _check_kind(job)
        if any(path.resolve() == job.output.resolve() for path in job.paths.values()):
            raise UsageError("E005", f"output {job.output.name} is the source", "another file", "Rename it.")
        _check_name(job)
        outputs.check_folder(job.output) if job.is_series else outputs.check_file(job.output)
        for path in _outputs_of(job.output, disagreement=disagreement, interval=interval):
            first_job = owner.setdefault(path, job)
            if first_job is not job:
                raise UsageError(
                    "E005",
                    f"{first_job.name} and {job.name} would both be written as {path.name}",
                    "a name for each",
                    "Translate them into different folders.",
                )
            if job.output not in begun_before:
                is_folder = job.is_series and path == job.output
                (_check_folder_free if is_folder else _check_free)(path, overwrite=overwrite)
        if has_region:
            _check_region_free(region_of(job.output), may_replace=overwrite or job.output in begun_before)


def _check_kind(job: Job) -> None:
    """Refuse a file's name for a series of DICOM, and a folder's for a file."""
    is_file = job.output.name.endswith(io.WRITABLE)
    if is_file is not job.is_series:
        return
    raise UsageError(
        "E005",
        f"output {job.output.name}",
        "a folder for the series" if job.is_series else f"a name that ends in {', '.join(io.WRITABLE)}",
        f"Name a folder, such as {job.output.name.split('.')[0]}." if job.is_series else "Rename it.",
    )


def _check_folder_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything; with `overwrite` all but files of synthetic DICOM."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise UsageError("E005", f"{folder} exists", "a new folder", "Choose another name, or --overwrite.")
    if not marks.holds_only_synthetic(folder):
        raise UsageError(
            "E005",
            f"{folder} holds files that are no synthetic DICOM",
            "a folder that may be replaced",
            "Choose another folder.",
        )


def _check_region_free(path: Path, *, may_replace: bool) -> None:
    """Refuse a file in the place of a region; one that may be replaced is synthetic DICOM itself."""
    if not path.exists():
        return
    if not may_replace:
        raise UsageError("E005", f"{path} exists", "a new file", "Choose another name, or --overwrite.")
    if not marks.is_synthetic_file(path):
        raise UsageError(
            "E005",
            f"{path} exists and is no synthetic DICOM",
            "a name whose _region.dcm is free",
            "Choose another name for the series.",
        )


def _check_name(job: Job) -> None:
    """Refuse a synthetic image under the name of the image that it is made from: soon one is taken for the other."""
    namesakes = [path.name for path in job.paths.values() if path.name == job.output.name]
    if namesakes:
        name = synthetic_name(namesakes[0], "TARGET")
        raise UsageError(
            "E005",
            f"output {job.output.name} has the name of its source",
            "a name that says what it is",
            f"Rename it, such as {f'{namesakes[0]}_TARGET' if job.is_series else name}.",
        )


def _outputs_of(output: Path, *, disagreement: bool, interval: bool) -> list[Path]:
    """Return what is written with an image: sidecars, the spread under any of its names, and the ends of an interval."""
    kinds = (SPREADS if disagreement else ()) + (ENDS if interval else ())
    images = (output, *(spread_of(output, kind) for kind in kinds))
    return [path for image in images for path in (image, sidecar_of(image))]


def _check_free(path: Path, *, overwrite: bool) -> None:
    if not path.exists():
        return
    if not overwrite:
        raise UsageError("E005", f"{path} exists", "a new file", "Choose another name, or --overwrite.")
    if path.suffix == ".json" and files.read_json(path).get("synthetic") is not True:
        raise UsageError(
            "E005",
            f"{path} exists and is no record of a synthetic image",
            "a name whose sidecar is free",
            "Choose another name for the image.",
        )
