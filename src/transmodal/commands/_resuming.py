"""Translations that an earlier call of the same command has written, killed or not: told by their sidecars."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transmodal._version import __version__
from transmodal.cohorts.patient_marks import PatientKey
from transmodal.commands import _dicom_out as dicom_out
from transmodal.commands._jobs import Job, mark_training_subject
from transmodal.errors import TransmodalError
from transmodal.inference import engines, ensemble
from transmodal.inference.ensemble import Translating, members_of
from transmodal.inference.gate import Policy
from transmodal.inference.intervals.interval import VoxelInterval
from transmodal.inference.model import Model
from transmodal.inference.names import ENDS, REGION, SPREADS, sidecar_of
from transmodal.inference.preprocessing import passes
from transmodal.inference.provenance import sidecar as sidecars
from transmodal.inference.provenance.checks import check_image
from transmodal.inference.provenance.sidecar import ImageBinding
from transmodal.progress import Progress


class Earlier(NamedTuple):
    """The output of one job as an earlier call has left it.

    Attributes:
        record: its sidecar.
        is_complete: whether its image is there and is the sidecar's; else the call was killed while it wrote.
    """

    record: Mapping[str, Any]
    is_complete: bool


def find_earlier(
    jobs: Sequence[Job],
    model: Translating,
    *,
    disagreement: bool,
    gate: Policy = "refuse",
    keys: Sequence[PatientKey] = (),
    interval: VoxelInterval | None = None,
    has_region: bool = False,
) -> dict[Path, Earlier]:
    """Return what an earlier call has written, by output: of this very run, these options and the same sources.

    Args:
        jobs: one or several.
        model: that translates now, with the passes that are asked for.
        disagreement: whether the spread over the passes is asked for.
        gate: what becomes of doubtful sources; one that another policy let through is looked at again.
        keys: of the training cohort, where it is at hand: what is known of the subject by them has to stand in the record.
        interval: that is asked for; None asks for none.
        has_region: whether the region of each series is asked for, as a segmentation beside it.
    """
    by_output = {}
    for job in jobs:
        sidecar = sidecars.read_whole(sidecar_of(job.output))
        if sidecar is None or not _is_of(sidecar.content, job, model, gate):
            continue
        if interval is not None and sidecar.content.get("interval") != json.loads(
            json.dumps(interval.to_json())
        ):
            continue  # of another level, or of a calibration before
        images = sidecar.bindings()
        present = [image for image in images.values() if image.path.exists()]
        if not all(map(_is_whole, present)):
            continue  # another image lies there now, or a damaged one: it is not replaced unasked
        has_images = "image" in images and len(present) == len(images)
        has_spread = any(kind in images for kind in SPREADS) or not disagreement
        has_spread &= interval is None or all(end in images for end in ENDS)
        has_all = has_images and has_spread and (not has_region or REGION in images)
        is_complete = has_all and _says_subject(sidecar.content, job, model, keys)
        by_output[job.output] = Earlier(sidecar.content, is_complete)
    return by_output


def say_earlier(jobs: Sequence[Job], earlier: Mapping[Path, Earlier], progress: Progress) -> None:
    """Say how many volumes are there already, where any is."""
    n_complete = sum(output.is_complete for output in earlier.values())
    if n_complete and len(jobs) == 1:
        progress.say(
            f"note: {jobs[0].output.name} is already there: this run made it from the same source; it is kept"
        )
    elif n_complete:
        progress.say(
            f"note: {n_complete} of {len(jobs)} volumes were translated before by this run: they are kept"
        )


def _is_of(record: Mapping[str, Any], job: Job, model: Translating, gate: Policy) -> bool:
    """Tell whether a sidecar is of this version, runs, options and sources: of the very translation that is asked for."""
    if ensemble.identity(model) != ensemble.recorded_identity(record):
        return False
    return _is_of_run(record, job, members_of(model)[0], gate)


def _is_of_run(record: Mapping[str, Any], job: Job, model: Model, gate: Policy) -> bool:
    options = {
        "tool": {"name": "transmodal", "version": __version__},
        "passes": passes(model.preprocessing),
        "translate_with": model.translator.translates_with() or "",
        "engine": model.engine_name,
        "reading": job.describe_reading(),
        "manifest": None if model.fingerprint is None else model.fingerprint.sha256,
        "device": str(model.device),
        "gate": gate,
    }
    recorded = {
        **record,
        "translate_with": record.get("translate_with", ""),
        "engine": _part(record, "engine_choice").get("request", record.get("engine", engines.DEFAULT)),
        "manifest": _part(record, "checkpoint").get("manifest_sha256"),
        "device": _part(record, "environment").get("device"),
        "gate": _part(record, "gate").get("policy"),
    }
    if not dicom_out.is_kept(record, job):
        return False
    is_same = all(recorded.get(name) == json.loads(json.dumps(value)) for name, value in options.items())
    # Sources are hashed last: they can be many and large.
    return is_same and options["manifest"] is not None and job.is_of(recorded.get("origins"))


def _says_subject(
    record: Mapping[str, Any], job: Job, model: Translating, keys: Sequence[PatientKey]
) -> bool:
    """Tell whether a record says of its subject what is known now: whether the run learned from it."""
    is_learned = mark_training_subject(job, model, keys).get("training_subject", False)
    return is_learned is None or record.get("training_subject", False) == is_learned


def _part(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}


def _is_whole(image: ImageBinding) -> bool:
    try:
        check_image(image)
    except TransmodalError:
        return False
    return True
