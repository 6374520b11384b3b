"""A cohort of references alone: volumes to score predictions against, prepared as every cohort is, so that `check` can."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from transmodal.cohorts import release_files
from transmodal.cohorts.case import MODALITY
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.predictions import folder as folders
from transmodal.evaluation.predictions.folder import PredictionFolder
from transmodal.modalities import known_modalities
from transmodal.progress import StageProgress
from transmodal.volumes.reading import STRICT, Reading

FOLDER = "reference"
"""Name of the cohort below an evaluation's folder."""
_WORDS = frozenset(
    {
        "gt",
        "groundtruth",
        "ref",
        "reference",
        "target",
        "real",
        "true",
        "img",
        "image",
        "volume",
        "vol",
    }
)
"""Words of file names that say no case, beside the names of modalities."""
_CHANNEL = re.compile(r"_000\d$")
_SUBJECT = re.compile(r"(?:^|[_/])(sub-[A-Za-z0-9+]+)")
_SESSION = re.compile(r"(?:^|[_/])(ses-[A-Za-z0-9+]+)")


def prepare_reference(
    references: PredictionFolder,
    target: str,
    output: Path,
    *,
    masks: PredictionFolder | None = None,
    reading: Reading = STRICT,
    progress: StageProgress | None = None,
) -> Cohort:
    """Prepare a cohort of the references, all of them on the test side.

    Args:
        references: one volume per case.
        target: their modality, which says the unit.
        output: folder of the evaluation; the cohort goes below it.
        masks: evaluation masks, matched to the references by name; None takes the body of each reference.
        reading: for files that leave something open.
        progress: told how far it is.

    Raises:
        UsageError: E001 without a modality, E005 when the place holds another cohort.
        InputError: E103 for two references of one name, E132 for a reference without its mask, and as
            `cohorts.prepare.prepare`.
    """
    if not MODALITY.fullmatch(target):
        raise UsageError(
            "E001",
            f"--reference with the modality {target}"
            if target
            else "--reference without the modality of its volumes",
            "its name in small letters, which says the unit, such as ct, fa or t1",
            "Name it with --target.",
        )
    paths = name_references(references, target)
    inside = _find_masks(masks, list(paths))
    cases = [
        CaseFiles(case, _patient(case), {target: path}, mask=inside.get(case), reading=reading)
        for case, path in paths.items()
    ]
    return prepare(
        cases,
        output / FOLDER,
        PrepareOptions(copies="warn"),
        sides=dict.fromkeys(paths, "test"),
        progress=progress,
    )


def name_references(references: PredictionFolder, target: str) -> dict[str, Path]:
    """Return the files of references by the names of their cases.

    A case is called as BIDS' subject and session, else as its file without nnU-Net's channel and without words that say a
    modality or `gt`; where nothing is left, as the folder that the file lies in.

    Raises:
        InputError: E103 for two files of one name.
    """
    by_case: dict[str, Path] = {}
    paths = folders.list_volumes(references.place, references.pattern)
    channel = _shared_channel([release_files.stem(path) for path in paths])
    for path in paths:
        name = path.name if path.is_dir() else release_files.stem(path).removesuffix(channel)
        case = _case_of(PurePosixPath(path.relative_to(references.place).with_name(name).as_posix()), target)
        if case in by_case:
            raise InputError(
                "E103",
                f"two references of the name {case}",
                "one volume per case",
                "Name those that count by a pattern, such as --reference 'cases/*/ct.nii.gz'.",
            )
        by_case[case] = path
    return by_case


def _shared_channel(names: Sequence[str]) -> str:
    """Return the ending such as `_0000` that all names have, which is nnU-Net's channel; empty where they differ."""
    endings = {match[0] if match else "" for match in (_CHANNEL.search(name) for name in names)}
    return endings.pop() if len(endings) == 1 else ""


def _case_of(path: PurePosixPath, target: str) -> str:
    text = path.as_posix()
    subject, session = _SUBJECT.search(text), _SESSION.search(text)
    if subject:
        return "_".join(match[1] for match in (subject, session) if match)
    words = (
        _WORDS | {target} | {name for record in known_modalities() for name in (record.name, *record.aliases)}
    )
    for part in reversed(path.parts):
        tokens = re.split(r"([_.\- ]+)", part)
        while tokens and tokens[0].lower() in words:
            tokens = tokens[2:]
        while tokens and tokens[-1].lower() in words:
            tokens = tokens[:-2]
        if any(tokens):
            return "".join(tokens)
    return path.name


def _patient(case: str) -> str:
    subject = _SUBJECT.search(case)
    return subject[1] if subject else case


def _find_masks(masks: PredictionFolder | None, cases: Sequence[str]) -> dict[str, Path]:
    if masks is None:
        return {}
    matched = folders.match(masks, cases, cases)
    if matched.missing:
        raise InputError(
            "E132",
            f"no mask of case {matched.missing[0]}, one of {len(matched.missing)}",
            "a mask for every reference",
            "Add it, or leave --masks out: the body of each reference is the mask then.",
        )
    return dict(matched.files)
