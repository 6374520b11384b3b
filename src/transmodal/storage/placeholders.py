"""Placeholders: links that lead nowhere, and the pointers that git-annex and Git LFS leave where content was not fetched."""

from __future__ import annotations

import stat
from pathlib import Path

from transmodal.errors import InputError
from transmodal.storage import regular

_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = (b"/annex/objects/", b"../.git/annex/objects/", b".git/annex/objects/")
_LIMIT = 32 << 10
"""Bytes that a pointer has at most: git-annex reads no further, Git LFS keeps to 1024."""
_EXPECTED = "the file itself"


def refuse(path: Path) -> None:
    """Refuse what only stands for a file; all else passes, a path with nothing at it too.

    Raises:
        InputError: E138 for a link whose end does not exist, or a pointer of git-annex or Git LFS; E100 for a named
            pipe, a socket or a device.
    """
    path = Path(path)
    try:
        about = path.stat()
    except (OSError, ValueError):  # the latter for a path with a zero byte
        if _is_link(path):
            raise _dangling_error(path) from None
        return
    regular.check_kind(path, about.st_mode)
    if not stat.S_ISREG(about.st_mode) or not 0 < about.st_size <= _LIMIT:
        return
    try:
        with regular.open_file(path) as stream:
            start = stream.read(64)
    except OSError:
        return  # whoever reads it says why it cannot be read
    if start.startswith(_LFS):
        raise InputError(
            "E138",
            f"{path.name} is a Git LFS pointer, not the file",
            _EXPECTED,
            f"Fetch it: {lfs_command(path)}.",
        )
    if start.startswith(_ANNEX):
        raise InputError(
            "E138",
            f"{path.name} is a git-annex pointer, not the file",
            _EXPECTED,
            f"Fetch it: {annex_command(path)}.",
        )


def is_dangling(path: Path) -> bool:
    """Return whether a path is a link whose end does not exist."""
    return path.is_symlink() and not path.exists()


def annex_command(path: Path) -> str:
    """Return the command that fetches a file's content from git-annex (DataLad: `datalad get`)."""
    return f"git annex get {path.name}"


def lfs_command(path: Path) -> str:
    """Return the command that fetches a file's content from Git LFS."""
    return f"git lfs pull --include={path.name}"


def _is_link(path: Path) -> bool:
    try:
        return stat.S_ISLNK(path.lstat().st_mode)
    except (OSError, ValueError):  # a name that is too long, for one
        return False


def _dangling_error(path: Path) -> InputError:
    end = str(path.readlink())
    if "annex/objects/" in end.replace("\\", "/"):
        return InputError(
            "E138",
            f"{path.name} is a git-annex link whose content is not here",
            _EXPECTED,
            f"Fetch it: {annex_command(path)}.",
        )
    return InputError(
        "E138",
        f"{path.name} is a link to {end}, where nothing is",
        _EXPECTED,
        "Mend the link, or copy the file.",
    )
