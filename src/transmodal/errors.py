"""The errors that a user can cause or can mend: one family, stable codes, one exit status per kind.

Every error names what was got, what was expected and what to do next, on one line:

    error[E101]: t1.nii.gz ends after 1024 of 4096 bytes; expected a whole gzip stream. Copy the file again.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar

CODES: dict[str, str] = {
    "E001": "an option or a setting has a value that it cannot have",
    "E002": "no recipe, translator, task or command of that name",
    "E003": "a recipe or a settings file has an unknown key",
    "E004": "what was asked for does not go together",
    "E005": "the place for the output is taken or is not usable",
    "E006": "a request is not as the service takes them",
    "E007": "a request lacks the service's token, names another host or comes from another site",
    "E008": "the service has no such address, model, job or source",
    "E100": "a file or folder does not exist, or is of the wrong kind",
    "E101": "a file is truncated or corrupt",
    "E102": "a file is of a format that is not read here, or not of the format that its name says",
    "E103": "a header contradicts itself or holds values that make no sense",
    "E104": "a DICOM series holds images of several kinds",
    "E105": "values without the unit that they need: a CT without its rescale",
    "E110": "sform and qform disagree",
    "E111": "a file does not say how it lies in space",
    "E112": "an affine is singular, not finite or sheared where it must not be",
    "E120": "voxels are not finite",
    "E121": "an image has other dimensions than one volume has",
    "E122": "colour where grey is expected, or grey where colour is",
    "E123": "a voxel type that is not supported",
    "E124": "a volume has no content: no voxels, an empty mask or one constant value",
    "E125": "values that cannot be in the unit of their modality",
    "E130": "volumes that belong together do not share a grid",
    "E131": "a cohort or a case lacks a modality, mask or segmentation",
    "E132": "a cohort has no such case, or a split has too few cases",
    "E133": "a folder is not a prepared cohort",
    "E134": "a folder is not a run",
    "E135": "the same patient or the same image stands on both sides of a split",
    "E136": "one modality is in two units",
    "E138": "a link leads nowhere, or a git-annex or Git LFS pointer stands where a file should be",
    "E139": "a folder holds a DICOM series and image files, and both could be meant",
    "E140": "a source does not look like those that the run was trained on",
    "E141": "some of several sources were refused at the gate",
    "E142": "a run has no calibration for the interval that is asked for",
    "E143": "two modalities of a case are one and the same image",
    "E401": "a header declares, or a file holds, more than the budget allows",
    "E402": "memory does not suffice",
    "E403": "the operating system refused to read or write",
    "E404": "a device or an optional package is missing",
    "E405": "a process that others wait for was stopped, or gives no answer",
    "E406": "a request or a job goes beyond what the service takes: bytes, jobs, queue or time",
    "E407": "a DICOM node that is called does not answer, or does not take what it is sent",
    "E408": "a scheduler of workers does not answer, or was lost",
    "E409": "a worker of a cluster is not as this process is: versions, threads or folders",
    "E501": "a content hash does not match",
    "E502": "a checkpoint is damaged or incomplete",
    "E503": "what was written does not read back equal",
    "E601": "a bug in transmodal",
}


class TransmodalError(Exception):
    """Base of every error that transmodal raises on purpose.

    Attributes:
        code: stable code, one of `CODES`.
        exit_status: what the command line exits with.
    """

    exit_status: ClassVar[int] = 6

    def __init__(self, code: str, got: str, expected: str, remedy: str) -> None:
        if code not in CODES:
            raise ValueError(f"unknown error code {code}")
        self.code = code
        self.got = got
        self.expected = expected
        self.remedy = remedy
        super().__init__(f"{got}; expected {expected}. {remedy}")

    def __reduce__(self) -> tuple[type[TransmodalError], tuple[str, str, str, str]]:
        """Keep the four parts when the error crosses a process boundary."""
        return type(self), (self.code, self.got, self.expected, self.remedy)

    def line(self) -> str:
        """Return the one line that the command line prints."""
        return " ".join(f"error[{self.code}]: {self}".split())


class UsageError(TransmodalError):
    """The call itself is wrong: an option, a recipe key, a name (exit status 2)."""

    exit_status = 2


class InputError(TransmodalError):
    """A file, folder or cohort is not what it has to be (exit status 3)."""

    exit_status = 3


class ResourceError(TransmodalError):
    """Memory, disk, device, permission or an optional package is missing (exit status 4)."""

    exit_status = 4


class IntegrityError(TransmodalError):
    """Content does not match its record: a hash, a checkpoint, a read-back (exit status 5)."""

    exit_status = 5


class InternalError(TransmodalError):
    """A promise of transmodal's own code is broken (exit status 6)."""

    exit_status = 6


def suggest(
    word: str, candidates: Iterable[str], otherwise: str, *, prefix: str = "", cutoff: float = 0.6
) -> str:
    """Return the remedy for a word that is not known: the nearest known word, or another advice.

    Args:
        word: what the user wrote.
        candidates: the words that would do.
        otherwise: the advice where none of them is near.
        prefix: what stands before the word, such as the section of a recipe.
        cutoff: how near a word has to be, from 0 to 1.
    """
    near = difflib.get_close_matches(word, list(candidates), n=1, cutoff=cutoff)
    return f"Did you mean {prefix}{near[0]}?" if near else otherwise
