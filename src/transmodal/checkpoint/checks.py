"""Checks of a run's checkpoints, file by file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from transmodal.checkpoint import manifest
from transmodal.checkpoint.folder import verify_file
from transmodal.checkpoint.manifest import MANIFEST
from transmodal.errors import TransmodalError
from transmodal.storage.faults import Check


def list_checks(folder: Path, below: str = "") -> list[Check]:
    """Return a check of every file of a checkpoint.

    Args:
        folder: the checkpoint's.
        below: its path below the folder that is verified, with a slash at its end.
    """
    checks = [Check(f"{below}{MANIFEST}", partial(manifest.unseal, folder / MANIFEST))]
    try:
        hashes = manifest.hashes_of(manifest.unseal(folder / MANIFEST), folder)
    except TransmodalError:
        hashes = {}
    return [
        *checks,
        *(
            Check(f"{below}{name}", partial(verify_file, folder / name, digest))
            for name, digest in hashes.items()
        ),
    ]


def list_checkpoints(run: Path) -> list[Path]:
    """Return the checkpoint folders of a run; none that a killed training left half-written."""
    return sorted(path for path in (run / "checkpoints").glob("[!.]*") if path.is_dir())
