"""JSON objects that hold the SHA-256 of all the rest of them, so that one that was changed is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transmodal.errors import IntegrityError
from transmodal.storage import files

KEY = "sha256"
"""Under which an object holds its hash; objects of earlier versions have none."""


class Sealed(NamedTuple):
    """A JSON object without its seal.

    Attributes:
        content: of the object.
        seal: the hash that it held; None for one of an earlier version.
    """

    content: dict[str, Any]
    seal: str | None

    @property
    def is_changed(self) -> bool:
        """Whether the content is another one than when it was sealed."""
        return self.seal is not None and self.seal != _digest(self.content)


def seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its hash, which stands last."""
    # As it comes back: keys of JSON are texts, which sort in another order than numbers.
    return {**content, KEY: _digest(json.loads(json.dumps(content)))}


def read(path: Path) -> Sealed:
    """Read an object; whether it was changed is for the caller to ask, who knows what it should look like.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no JSON object.
        ResourceError: E403 when it may not be read.
    """
    content = files.read_json(path)
    return Sealed(content, str(content.pop(KEY)) if KEY in content else None)


def check(path: Path, sealed: Sealed, remedy: str) -> None:
    """Refuse an object that was changed.

    Args:
        path: of its file.
        sealed: as it was read.
        remedy: what to do.

    Raises:
        IntegrityError: E501.
    """
    if sealed.is_changed:
        raise IntegrityError(
            "E501",
            f"{path} was changed since it was written",
            f"the content of SHA-256 {str(sealed.seal)[:12]}",
            remedy,
        )


def _digest(content: Mapping[str, Any]) -> str:
    return files.sha256_text(json.dumps(content, sort_keys=True))
