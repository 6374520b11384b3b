"""Places to write to, checked before any work is done: no hour is lost to a name that cannot be written."""

from __future__ import annotations

import errno
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transmodal.errors import ResourceError, TransmodalError, UsageError

_NAME_ERRORS = {errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}


def check_folder(path: Path | str) -> None:
    """Check that a folder is there, or can be made, and can be written into; nothing is left behind.

    Args:
        path: of the folder; parents that do not exist are those that will be made.

    Raises:
        UsageError: E005 when the path, or a part of it, is a file, or cannot be a name.
        ResourceError: E403 when the system does not let anything be written there.
    """
    path = Path(path)
    nearest, is_folder = _nearest_existing(path)
    if not is_folder:
        obstacle = f"{path} is a file" if nearest == path else f"{path} lies below {nearest}, which is a file"
        raise UsageError("E005", obstacle, "a folder, or a free name in one", "Choose another place.")
    _try_writing(nearest, path)


def check_file(path: Path | str) -> None:
    """Check that a file can be written under a name: its folder as `check_folder`, and the name is no folder's.

    Raises:
        UsageError: E005 when the name is a folder's, and as `check_folder`.
        ResourceError: E403 as `check_folder`.
    """
    path = Path(path)
    nearest, is_folder = _nearest_existing(path)
    if nearest == path and is_folder:
        raise UsageError("E005", f"{path} is a folder", "a name for a file", "Add a name to it.")
    check_folder(path.parent)


@contextmanager
def os_errors() -> Iterator[None]:
    """Turn errors of the operating system over a place for output into errors of this package.

    Raises:
        UsageError, ResourceError: as `from_os_error`.
    """
    try:
        yield
    except OSError as error:
        raise from_os_error(error) from error


def from_os_error(error: OSError) -> TransmodalError:
    """Return an error of the operating system as an error of this package."""
    place = f" {error.filename}" if error.filename else ""
    if error.errno == errno.ENAMETOOLONG:  # of what is read or written: neither can be
        return UsageError(
            "E005",
            f"a path of {len(str(error.filename or ''))} characters that the system does not take as a name",
            "names of at most 255 bytes each",
            "Give a shorter one, or check that it is a path at all.",
        )
    if error.errno in (errno.ENOTDIR, errno.EISDIR, *_NAME_ERRORS):
        return UsageError(
            "E005", f"cannot write{place}: {error.strerror}", "a folder and a free name", "Choose another."
        )
    return ResourceError(
        "E403",
        f"cannot read or write{place}: {error.strerror or error}",
        "room and permission",
        "Free space, mend permissions, or write elsewhere.",
    )


def _nearest_existing(path: Path) -> tuple[Path, bool]:
    """Return the nearest of a path and its parents that exists, and whether it is a folder."""
    path = path if path.is_absolute() else Path.cwd() / path
    for place in (path, *path.parents):
        try:
            mode = place.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            if place.is_symlink():
                raise UsageError(
                    "E005", f"{place} is a link that leads nowhere", "a folder or a free name", "Remove it."
                ) from None
            continue
        except OSError as error:
            raise from_os_error(error) from error
        return place, stat.S_ISDIR(mode)
    raise UsageError("E005", f"{path} has no folder", "a place to write", "Choose another.")


def _try_writing(folder: Path, path: Path) -> None:
    """Write into a folder: permission bits alone do not tell what the system allows."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".partial-"):
            pass
    except OSError as error:
        raise ResourceError(
            "E403",
            f"cannot write {path}: nothing can be written into {folder} ({error.strerror})",
            "a folder that can be written into",
            "Write elsewhere, or mend its permissions.",
        ) from error
