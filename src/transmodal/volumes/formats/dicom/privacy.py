"""Patients' data in DICOM headers kept out of messages: no warning or log line of pydicom, and no patient's name."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from unicodedata import combining, normalize

from transmodal.errors import InputError, TransmodalError
from transmodal.storage import streams

_log = logging.getLogger(__name__)
_UID = re.compile(r"\d+(?:\.\d+){4,}")
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae"})
_UID_END = 4
"""Characters of a UID that are shown, by which a file can still be told from its neighbours."""


def log_faults(n_faults: int, n_files: int) -> None:
    """Log in one line how many header values are not as DICOM has them; none of them is shown."""
    if n_faults:
        _log.warning(
            "%d header values in %d DICOM files are not as the standard has them; none is shown here, as they can be of"
            " patients",
            n_faults,
            n_files,
        )


def identifying_words(text: str) -> frozenset[str]:
    """Return the words of a name or an id that tell whose it is: of three letters, or five digits, and more."""
    words = [spelled for word in re.findall(r"[^\W_]+", text.lower()) for spelled in _spellings(word)]
    return frozenset(word for word in words if len(word) >= (5 if word.isdigit() else 3))


def _spellings(word: str) -> tuple[str, ...]:
    """Return a word, and as file names spell it that have no letters with marks: `müller`, `mueller` and `muller`."""
    plain = "".join(letter for letter in normalize("NFKD", word) if not combining(letter))
    return word, word.translate(_TWO_LETTERS), plain.replace("ß", "ss")


def mask_identity(name: str, identity: frozenset[str]) -> str:
    """Return a file's name with a patient's words replaced by `***`, and a UID by that and its end."""
    name = _UID.sub(lambda match: f"***{match[0][-_UID_END:]}", name)
    for word in sorted(identity, key=lambda word: (-len(word), word)):
        # A short word counts alone, a longer one in another as well.
        pattern = re.escape(word)
        if len(word) <= 3:
            pattern = rf"(?<![^\W\d_]){pattern}(?![^\W\d_])"
        name = re.sub(pattern, "***", name, flags=re.IGNORECASE)
    return name


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Turn errors into ours as `streams.guarded` does, without pydicom's words, which quote values of headers.

    Raises:
        InputError, ResourceError: as `streams.guarded`.
    """
    with streams.guarded(name, "DICOM file"), quiet():
        try:
            yield
        except (TransmodalError, MemoryError):
            raise
        except OSError as error:
            if error.errno is not None:
                raise
            raise _unreadable_error(name, error) from None
        except Exception as error:
            raise _unreadable_error(name, error) from None


@contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Keep pydicom's warnings and log in here: they quote the patient, and what matters is checked here.

    Yields:
        The warnings, to be counted.
    """
    with _silence, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


class _Silence:
    """Keeps the log of pydicom in while any thread reads; the first one in shuts it, the last one out opens it.

    Its own handlers are set aside as well, and a null one keeps Python's handler of last resort from taking their place.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_readers = 0
        self._propagates = True
        self._handlers: list[logging.Handler] = []

    def __enter__(self) -> None:
        logger = logging.getLogger("pydicom")
        with self._lock:
            if self._n_readers == 0:
                self._propagates, logger.propagate = logger.propagate, False
                self._handlers, logger.handlers = logger.handlers, [logging.NullHandler()]
            self._n_readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_readers -= 1
            if self._n_readers == 0:
                logger = logging.getLogger("pydicom")
                logger.propagate, logger.handlers = self._propagates, self._handlers


_silence = _Silence()


def _unreadable_error(name: str, error: Exception) -> InputError:
    return InputError(
        "E101",
        f"{name} cannot be read ({type(error).__name__})",
        "a whole DICOM file",
        "Copy or export it again.",
    )
