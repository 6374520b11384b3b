"""Contents of folders: the one walk of all layouts and readers, through links, and never in circles."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from pathlib import Path

from transmodal.storage import placeholders, streams

_log = logging.getLogger(__name__)


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted by name, without hidden files and folders.

    Raises:
        InputError: E100 when it is no folder, E138 when it is a link that leads nowhere.
        ResourceError: E403 when it may not be read.
    """
    folder = Path(folder)
    placeholders.refuse(folder)
    with streams.guarded(str(folder), "folder"):
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def files_in(folder: Path) -> list[Path]:
    """Return the files of a folder, sorted; links that lead nowhere are among them, for their reader to name.

    Raises:
        InputError, ResourceError: as `entries`.
    """
    return [path for path in entries(folder) if path.is_file() or placeholders.is_dangling(path)]


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of all folders below it, sorted; links are followed.

    A folder that is linked from several places counts in each of them. A link to a folder that holds the link
    itself is not followed, and named in the log.

    Raises:
        InputError, ResourceError: as `entries`.
    """
    return sorted(_walk(Path(folder), ()))


def exists(path: Path) -> bool:
    """Return whether something has that path; a text that is too long to be a name has none."""
    try:
        return path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def _walk(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    """Yield the files below a folder, `above` being device and inode of the folders that lead to it."""
    with streams.guarded(str(folder), "folder"):
        about = folder.stat()
    identity = (about.st_dev, about.st_ino)
    if identity in above:
        _log.warning("%s is a link back to a folder above it: not followed", folder)
        return
    for path in entries(folder):
        with streams.guarded(str(path), "file or folder"):
            is_folder, is_file = path.is_dir(), path.is_file() or path.is_symlink()
        if is_folder:
            yield from _walk(path, (*above, identity))
        elif is_file:
            yield path
