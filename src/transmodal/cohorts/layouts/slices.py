"""Slices as pix2pix, CycleGAN, Reg-GAN and SynDiff have them: pictures, .npy or .mat.

    trainA/p1_007.png  trainB/p1_007.png   testA/ ...                 two folders, equal names
    train/p1_007.png   val/ ...                                       A and B side by side in one picture
    train/A/p1_007.npy train/B/p1_007.npy  val/A/ ...                 Reg-GAN
    data_train_T1.mat  data_train_T2.mat   data_val_T1.mat ...        SynDiff: height x width x slices in MATLAB

The slices of a patient become one volume. Who the patient is, the name says before its last number
(`p1_007`: p1), or `--with patient=PATTERN`; where it does not, slices become stacks of `per_case`, and figures
over patients mean nothing. Folders called train, val and test become the split. Values stay as they are.

With `unpaired=true` the names pair nothing, as CycleGAN takes trainA and trainB: every case has one modality.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case import MODALITY
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.layouts._slice_files import ARRAYS, PICTURES, PicturePart, Slices, count
from transmodal.cohorts.layouts._slice_stack import SliceStack, spacing_of
from transmodal.errors import InputError, UsageError
from transmodal.volumes.reading import STRICT, Reading

_SIDES = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation"}
_SIDES["test"] = "test"
_SIDE = "|".join(sorted(_SIDES, key=len, reverse=True))
_JOINED = re.compile(rf"(?P<side>{_SIDE})(?P<which>[AB])")
_ARRAY_NAME = re.compile(rf"data_(?P<side>{_SIDE})_(?P<what>[A-Za-z0-9]+)")
_EXPECTED = "trainA and trainB, train with pictures side by side, train/A and train/B, or data_train_T1.mat"
_log = logging.getLogger(__name__)

Pieces = dict[tuple[str, str], dict[str, Slices]]
"""Slices by side and name, and by modality."""


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        a: modality of A, or of the left half.
        b: modality of B, or of the right half.
        patient: pattern whose first group is the patient, matched at the start of a file's name without
            its ending.
        per_case: slices of a case where the patients are not known.
        spacing_mm: of rows and columns, and between slices where there is a second number. Where nothing is
            said it is assumed to be 1, and no recipe's spacing is brought about by it.
        unpaired: whether A and B are of different patients, whatever the files are called.

    Raises:
        UsageError: E001 for another value.
    """

    a: str = "a"
    b: str = "b"
    patient: str = r"(.*[^_\-.])[_\-.][A-Za-z]*\d+$"
    per_case: int = 100
    spacing_mm: tuple[str, ...] = ()
    unpaired: bool = False

    def __post_init__(self) -> None:
        for name in (self.a, self.b):
            if not MODALITY.fullmatch(name) or self.a == self.b:
                raise UsageError("E001", f"a={self.a}, b={self.b}", "two names such as t1 and t2", "Rename.")
        try:
            has_group = re.compile(self.patient).groups >= 1
        except re.error:
            has_group = False
        if not has_group:
            raise UsageError(
                "E001", f"patient={self.patient}", "a pattern with one group", r"Such as (p\d+)_."
            )
        if self.per_case < 1:
            raise UsageError("E001", f"per_case={self.per_case}", "1 or more", "Correct it.")
        self.spacing()

    def spacing(self) -> tuple[float, float, float] | None:
        """Return the spacing of columns, of rows and between slices; None where nothing was said."""
        return spacing_of(self.spacing_mm)


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[SliceStack]:
    """Find the slices of a folder, stack them by patient, and tell what was left aside.

    Raises:
        InputError: E100 when the folder does not exist or holds no such slices, E103 when one has two files of
            one modality, E131 when no slice has both modalities, and as `slice_stack.count`.
    """
    folder = Path(folder)
    pieces: Pieces = {}
    unknown = []
    for path in release_files.files_below(folder, _EXPECTED):
        file_pieces = _pieces_of(path, folder, options)
        unknown += [] if file_pieces else [path]
        for side, name, modality, slices in file_pieces:
            _add(pieces, (side, name), modality, slices)
    if options.unpaired:
        cases, sides = _unpaired(pieces, folder, options, reading)
        left_out: list[str] = []
    else:
        whole, left_out = _split_complete(pieces, folder)
        cases, sides = _build_stacks(whole, options, reading)
    is_split = set(sides.values()) > {"train"}
    return FolderContents(
        cases,
        release_files.summarise(unknown, folder, "no slice by its place and name"),
        left_out,
        sides if is_split else {},
    )


def _pieces_of(path: Path, folder: Path, options: Options) -> list[tuple[str, str, str, Slices]]:
    """Return side, name and modality of what a file holds; nothing for other files."""
    if path.suffix.lower() not in (*PICTURES, *ARRAYS):
        return []
    place, names = path.parent.relative_to(folder).parts, {"A": options.a, "B": options.b}
    last = place[-1] if place else ""
    array_name, joined = _ARRAY_NAME.fullmatch(path.stem), _JOINED.fullmatch(last)
    if array_name:
        return [(array_name["side"], "", array_name["what"].lower(), Slices(path))]
    if joined:
        return [(joined["side"], _strip_side(path), names[joined["which"]], Slices(path))]
    if last in names:
        above = place[-2] if len(place) > 1 and place[-2] in _SIDES else ""
        return [(above, _strip_side(path), names[last], Slices(path))]
    if last in _SIDES and path.suffix.lower() in PICTURES:
        halves: dict[str, PicturePart] = {options.a: "left", options.b: "right"}
        return [(last, path.stem, modality, Slices(path, part)) for modality, part in halves.items()]
    return []


def _strip_side(path: Path) -> str:
    """Return a file's name without `_A` or `_B` at its end."""
    return re.sub(r"[_-][AB]$", "", path.stem)


def _add(pieces: Pieces, place: tuple[str, str], modality: str, slices: Slices) -> None:
    by_modality = pieces.setdefault(place, {})
    if modality in by_modality:
        raise InputError(
            "E103",
            f"{' '.join(place).strip()} has {by_modality[modality].path.name} and {slices.path.name} as {modality}",
            "one file each",
            "Remove one of them.",
        )
    by_modality[modality] = slices


def _split_complete(pieces: Pieces, folder: Path) -> tuple[Pieces, list[str]]:
    """Return what every modality has; what only some have is left out."""
    if not pieces:
        raise InputError("E100", f"{folder} holds no slices of this layout", _EXPECTED, "Check the path.")
    modalities = {modality for by_modality in pieces.values() for modality in by_modality}
    whole = {
        place: by_modality for place, by_modality in sorted(pieces.items()) if set(by_modality) == modalities
    }
    incomplete = [place for place in sorted(pieces) if place not in whole]
    left_out = [
        f"{' '.join(place).strip()} (no {', no '.join(sorted(modalities - set(pieces[place])))})"
        for place in incomplete
    ]
    if not whole or len(modalities) < 2:
        raise InputError(
            "E131",
            f"{folder.name} with no slice in two modalities; {len(pieces)} in one",
            "equal names in both folders",
            "Rename them so that pairs have equal names, or prepare them for translators that learn without pairs: "
            "--with unpaired=true.",
        )
    return whole, left_out


def _unpaired(
    pieces: Pieces, folder: Path, options: Options, reading: Reading
) -> tuple[list[SliceStack], dict[str, str]]:
    """Return cases of one modality each, sorted, and on which side each stands."""
    cases: list[SliceStack] = []
    sides: dict[str, str] = {}
    modalities = sorted({modality for slices in pieces.values() for modality in slices})
    if len(modalities) < 2:
        raise InputError(
            "E131" if pieces else "E100",
            f"{folder.name} with slices of {', '.join(modalities) or 'no modality'} alone",
            "slices of two modalities",
            f"Lay them out as {_EXPECTED}.",
        )
    for modality in modalities:
        own = {place: {modality: slices[modality]} for place, slices in pieces.items() if modality in slices}
        stacks, stack_sides = _build_stacks(own, options, reading, suffix=modality)
        cases += stacks
        sides.update(stack_sides)
    return sorted(cases, key=lambda case: case.id), sides


def _build_stacks(
    pieces: Pieces, options: Options, reading: Reading, *, suffix: str = ""
) -> tuple[list[SliceStack], dict[str, str]]:
    """Return the cases, sorted, and on which side each stands; `suffix` ends the names of cases."""
    cases: list[SliceStack] = []
    sides: dict[str, str] = {}
    unknown = 0
    for (side, patient), names in _by_patient(pieces, options.patient).items():
        stacks = _take_apart([pieces[side, name] for name in names])
        size = len(next(iter(stacks.values()))) if patient else options.per_case
        unknown += not patient
        for start in range(0, len(next(iter(stacks.values()))), size):
            label = patient or f"stack-{start // size:03d}"
            case = "-".join(part for part in (side, label, suffix) if part)
            cut = {modality: _join_neighbours(run[start : start + size]) for modality, run in stacks.items()}
            cases.append(
                SliceStack(
                    case, patient or case, tuple(sorted(cut.items())), options.spacing(), reading=reading
                )
            )
            sides[case] = _SIDES.get(side, "train")
    if unknown:
        _log.warning(
            "the names do not tell the patients apart: slices are stacked by %d; say --with patient=PATTERN "
            "or --with per_case=N",
            options.per_case,
        )
    return sorted(cases, key=lambda case: case.id), sides


def _by_patient(pieces: Pieces, pattern: str) -> dict[tuple[str, str], list[str]]:
    """Return the names of slices by side and patient; the patient is empty where it is not known."""
    groups: dict[tuple[str, str], list[str]] = {}
    for side, name in sorted(pieces, key=lambda place: (place[0], _natural_key(place[1]))):
        match = re.match(pattern, name)
        groups.setdefault((side, match[1] if match else ""), []).append(name)
    return groups


def _take_apart(pieces: list[dict[str, Slices]]) -> dict[str, list[Slices]]:
    """Return one entry per slice and modality: files with many are taken apart."""
    runs: dict[str, list[Slices]] = {}
    for by_modality in pieces:
        numbers: Mapping[str, int] = {modality: count(piece.path) for modality, piece in by_modality.items()}
        if len(set(numbers.values())) > 1:
            raise InputError(
                "E130",
                ", ".join(
                    f"{by_modality[modality].path.name} with {n} slices" for modality, n in numbers.items()
                ),
                "as many slices in each",
                "Check the files; slices are paired by their number.",
            )
        for modality, piece in by_modality.items():
            many = piece.path.suffix.lower() in ARRAYS
            runs.setdefault(modality, []).extend(
                piece._replace(first=n, last=n + 1) if many else piece for n in range(numbers[modality])
            )
    return runs


def _join_neighbours(slices: list[Slices]) -> tuple[Slices, ...]:
    """Return neighbours of one file as one entry, so that the file is read once."""
    joined: list[Slices] = []
    for piece in slices:
        before = joined[-1] if joined else None
        if before and piece.last and before.path == piece.path and before.last == piece.first:
            joined[-1] = before._replace(last=piece.last)
        else:
            joined.append(piece)
    return tuple(joined)


def _natural_key(name: str) -> list[tuple[int, str]]:
    """Sort 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
