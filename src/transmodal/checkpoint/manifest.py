"""The manifest of a checkpoint: JSON that is sealed by its own SHA-256, and names the other files by theirs."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from transmodal import plugins, translators
from transmodal.checkpoint.content import Checkpoint, CohortMark, Fingerprint, State
from transmodal.cohorts.quality.training_sources import SourceReference
from transmodal.errors import IntegrityError, ResourceError
from transmodal.notice import INTENDED_USE
from transmodal.plugins import Distribution
from transmodal.recipes.schema import Recipe
from transmodal.storage import files, regular
from transmodal.volumes.intensity import IntensityMap, IntensitySpec

FORMAT = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
OPTIMIZERS = "optimizers.safetensors"
_PART_DIGITS = 16
_LONGEST_SIDE = 1 << 15
"""Pixels that a window has at most along a side."""
REMEDY = "Copy the checkpoint again, use the run's other checkpoint, or train again."


def to_json(checkpoint: Checkpoint, hashes: Mapping[str, str]) -> dict[str, Any]:
    """Return a manifest's content.

    Args:
        checkpoint: that is saved.
        hashes: SHA-256 of its files, by their names.
    """
    return {
        "format": FORMAT,
        "intended_use": INTENDED_USE,
        "files": dict(hashes),
        "recipe": checkpoint.recipe.model_dump(mode="json"),
        "translator_config": dict(checkpoint.translator_config),
        "target_map": checkpoint.target_map.to_json(),
        "sources": {name: asdict(spec) for name, spec in checkpoint.sources.items()},
        "cohort": checkpoint.cohort._asdict(),
        "state": checkpoint.state.model_dump(mode="json"),
        "frozen": dict(checkpoint.frozen),
        "starting_weights": dict(checkpoint.starting_weights),
        "window": checkpoint.window,
        "units": dict(checkpoint.units),
        "versions": dict(checkpoint.versions),
        **({} if checkpoint.plugin is None else {"plugin": checkpoint.plugin._asdict()}),
        "reference": None if checkpoint.reference is None else checkpoint.reference.to_json(),
    }


def from_json(
    content: Mapping[str, Any], folder: Path, weights: Mapping[str, Tensor], optimizers: Mapping[str, Tensor]
) -> Checkpoint:
    """Return the checkpoint that a manifest's content and its tensors make.

    Raises:
        IntegrityError: E502 when something is missing or of another kind.
        ResourceError: E404 where its translator's plugin is not installed.
    """
    try:
        facts = _Facts.model_validate(content)
        plugin = None if facts.plugin is None else Distribution(facts.plugin.name, facts.plugin.version)
        if plugin is not None:
            plugins.check("translators", content["recipe"]["translator"], plugin, translators.own_names())
        return Checkpoint(
            recipe=Recipe.model_validate(content["recipe"]),
            translator_config=translators.completed(
                content["recipe"]["translator"], content["translator_config"]
            ),
            target_map=IntensityMap.from_json(content["target_map"]),
            sources={name: IntensitySpec(**spec) for name, spec in content["sources"].items()},
            cohort=CohortMark(
                facts.cohort.name,
                facts.cohort.digest,
                tuple(facts.cohort.patients),
                facts.cohort.patients_key,
            ),
            state=State.model_validate(content["state"]),
            weights=weights,
            optimizers=optimizers,
            frozen=facts.frozen,
            starting_weights=facts.starting_weights,
            window=tuple(facts.window) if facts.window else None,
            units=facts.units,
            versions=facts.versions,
            plugin=plugin,
            reference=SourceReference.from_json(content.get("reference")),
            weights_sha256=content["files"][WEIGHTS],
            fingerprint=fingerprint(content, folder),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # a ValidationError is one
        raise damaged(folder, f"its manifest does not hold what it should ({error!r})") from error


class _Cohort(BaseModel):
    """The kinds that a cohort's mark has in JSON."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: str
    digest: str
    patients: list[str] = []
    patients_key: str = ""


class _Plugin(BaseModel):
    """A plugin's distribution in JSON."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: str
    version: str


class _Facts(BaseModel):
    """The kinds that plain fields of a manifest have in JSON; those that earlier versions did not write have defaults."""

    model_config = ConfigDict(strict=True)

    cohort: _Cohort
    frozen: dict[str, str]
    starting_weights: dict[str, str] = {}
    window: list[Annotated[int, Field(ge=1, le=_LONGEST_SIDE)]] | None = None
    units: dict[str, str] = {}
    versions: dict[str, str]
    plugin: _Plugin | None = None


def seal(content: Mapping[str, Any]) -> bytes:
    """Return the manifest's bytes; its own SHA-256 stands first, over all that follows."""
    text = _text(content)
    return f'{{"sha256": "{files.sha256_text(text)}",\n"content": {text}}}\n'.encode()


def fingerprint(content: Mapping[str, Any], folder: Path) -> Fingerprint:
    """Return the hashes of a manifest's content: of the whole and of each part.

    Args:
        content: as `unseal` gives it.
        folder: the checkpoint's.
    """
    parts = {
        name: files.sha256_text(json.dumps(part, sort_keys=True))[:_PART_DIGITS]
        for name, part in content.items()
    }
    return Fingerprint(folder.name, files.sha256_text(_text(content)), parts)


def unseal(path: Path) -> dict[str, Any]:
    """Return the content of the manifest of that path; its bytes have to be those that `seal` makes of it.

    Raises:
        IntegrityError: E501 when it was changed, E502 when it is missing, unreadable or of another format.
        ResourceError: E403 when it may not be read.
    """
    try:
        return parse(regular.read_bytes(path), path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise damaged(path.parent, f"{path.name} is missing") from error
    except IsADirectoryError as error:
        raise damaged(path.parent, f"{path.name} is a folder") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise damaged(path.parent, f"{path.name} is a link that leads back to itself") from error
        raise ResourceError(
            "E403", f"cannot read {path}: {error.strerror}", "a file that may be read", "Check permissions."
        ) from error


def parse(raw: bytes, path: Path) -> dict[str, Any]:
    """Return the content of a manifest's bytes, which have to be those that `seal` makes of it.

    Args:
        raw: the bytes.
        path: where they lie, for messages.

    Raises:
        IntegrityError: E501 when they were changed, E502 when they are unreadable or of another format.
    """
    try:
        content = json.loads(raw)["content"]
        intact = isinstance(content, dict) and seal(content) == raw
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path.parent, f"{path.name} is no manifest") from error
    if not intact:
        raise IntegrityError("E501", f"{path} was changed since it was written", "what its hash says", REMEDY)
    if content.get("format") != FORMAT:
        raise IntegrityError(
            "E502",
            f"{path} of format {content.get('format')}",
            f"format {FORMAT}",
            "Read it with the version of transmodal that wrote it.",
        )
    return dict(content)


def hashes_of(content: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the SHA-256 of a checkpoint's files, by their names.

    Raises:
        IntegrityError: E502 when the manifest names other files than a checkpoint has.
    """
    hashes = content.get("files")
    if not isinstance(hashes, dict) or not {WEIGHTS} <= set(hashes) <= {WEIGHTS, OPTIMIZERS}:
        raise damaged(folder, "its manifest names other files than a checkpoint has")
    if not all(isinstance(digest, str) for digest in hashes.values()):
        raise damaged(folder, "its manifest has hashes that are none")
    return hashes


def damaged(folder: Path, fault: str) -> IntegrityError:
    """Return the error of a checkpoint that is not whole."""
    return IntegrityError("E502", f"checkpoint {folder}: {fault}", "a whole checkpoint", REMEDY)


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, allow_nan=False)
