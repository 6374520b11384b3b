"""Translations that an earlier, killed call of the same command has written: told by their sidecars."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.commands._jobs import Job
from transmodal.errors import TransmodalError
from transmodal.inference.model import Model
from transmodal.inference.names import sidecar_of
from transmodal.inference.preprocessing import passes
from transmodal.storage import files


class Earlier(NamedTuple):
    """The output of one job as an earlier call has left it.

    Attributes:
        record: its sidecar.
        is_complete: whether its image is there and is the sidecar's; else the call was killed while it wrote.
    """

    record: Mapping[str, Any]
    is_complete: bool


def find_earlier(jobs: Sequence[Job], model: Model, *, disagreement: bool) -> dict[Path, Earlier]:
    """Return what an earlier call has written, by output: of this run, these passes and the same sources.

    Args:
        jobs: several; the output of a single one is never taken for an earlier call's.
        model: that translates now, with the passes that are asked for.
        disagreement: whether the spread over the passes is asked for.
    """
    by_output = {}
    for job in jobs if len(jobs) > 1 else ():
        record = _read(sidecar_of(job.output))
        if record is None or not _is_of(record, job, model):
            continue
        images = _images(record)
        is_whole = all(_is_whole(job.output.with_name(name), digest) for name, digest in images.items())
        exist = all(job.output.with_name(name).exists() for name in images)
        has_spread = len(images) > 1 or not disagreement
        if exist and not is_whole:
            continue  # another image lies there now, or a damaged one: it is not replaced unasked
        by_output[job.output] = Earlier(record, bool(images) and is_whole and has_spread)
    return by_output


def _read(sidecar: Path) -> dict[str, Any] | None:
    try:
        return files.read_json(sidecar)
    except TransmodalError:
        return None


def _is_of(record: Mapping[str, Any], job: Job, model: Model) -> bool:
    """Tell whether a sidecar is of this run, these passes and the same sources."""
    statistics = model.translator.translates_with()
    checkpoint = record.get("checkpoint")
    return (
        record.get("synthetic") is True
        and isinstance(checkpoint, dict)
        and checkpoint.get("weights_sha256") == model.digest
        and record.get("passes") == json.loads(json.dumps(passes(model.preprocessing)))
        and record.get("translate_with", "") == (statistics or "")
        and record.get("origins") == job.origins()
    )


def _images(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of the images that a sidecar names, by name; none where it was written before them."""
    images = [record.get(key) for key in ("image", "plane_disagreement", "disagreement")]
    return {image["name"]: image["sha256"] for image in images if isinstance(image, dict)}


def _is_whole(path: Path, digest: str) -> bool:
    return path.is_file() and files.sha256_file(path) == digest
