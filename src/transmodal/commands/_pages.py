"""Pages as files: where they may be written, and how."""

from __future__ import annotations

from pathlib import Path

from transmodal.errors import UsageError
from transmodal.storage import files, outputs, regular

_HEAD_BYTES = 4096
"""Within so many a page says which verb wrote it."""


def check_place(output: Path, verb: str) -> None:
    """Refuse a place for a page before the work: a page of the same verb may be written anew, nothing else.

    Args:
        output: of the page.
        verb: whose page it is, as its generator says.

    Raises:
        UsageError: E005 for a name that does not end in .html, or is another file's.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise UsageError("E005", repr(str(output)), "a name that ends in .html", "Rename it.")
    outputs.check_file(output)
    if output.exists() and not _is_page(output, verb):
        raise UsageError(
            "E005",
            f"{output.name} is there and is no page of transmodal {verb}",
            "a free name",
            "Choose another name.",
        )


def save(text: str, output: Path) -> int:
    """Write a page as a whole or not at all; return its size in bytes.

    Raises:
        ResourceError: E403 where it cannot be written.
    """
    with outputs.os_errors():
        output.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_path(output) as part:
        part.write_text(text, encoding="utf-8")
    return len(text.encode())


def _is_page(path: Path, verb: str) -> bool:
    """Return whether a file is a page that a verb wrote."""
    with regular.open_file(path) as file:
        return f'<meta name="generator" content="transmodal {verb}">'.encode() in file.read(_HEAD_BYTES)
