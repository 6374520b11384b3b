"""Whole bodies cut slice by slice, as the Visible Korean Human: MR, colour and labels.

    vkm/mr/0001.png   vkm/colour/0001.png   vkm/segmentation/0001.png   vkm/stack.json     pictures
    vkm/mr.nii.gz     vkm/colour.nii.gz     vkm/segmentation.nii.gz                        or volumes

Equal numbers are equal heights; slices that one of the stacks lacks are left aside. Spacings are told, in
stack.json or with `--with`. Colour is the target: MR of other pixels is sampled on its grid, where its own
spacing is told. Labels may be missing; in colour they become numbers, by colours.csv where there is one.

One or two bodies cannot be split by patient. They are split into contiguous slabs with a gap, and the cohort
is stamped `within-subject`: figures hold for these bodies alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts import label_pictures, release_files
from transmodal.cohorts.layouts._body_slab import BodySlab, Cut, Part, Pictures
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.layouts._stack_facts import FACTS, Facts, Stack, facts_of, numbers, stack_of
from transmodal.cohorts.split.slabs import Slab, gap_of, slabs
from transmodal.errors import InputError, UsageError
from transmodal.volumes.formats import raster
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.reading import STRICT, Reading

_WHAT = {
    **dict.fromkeys(("mr", "mri"), "mr"),
    **dict.fromkeys(("colour", "color", "cryo", "cryosection", "anatomical"), "colour"),
    **dict.fromkeys(("segmentation", "seg", "label", "labels"), "segmentation"),
}
_EXPECTED = "a folder per body with mr, colour and perhaps segmentation: numbered pictures, or volumes"
_FEW = 2


@dataclass(frozen=True)
class Options:
    """What can be told with `--with`.

    Attributes:
        spacing_mm: of colour's columns and rows, and between slices: one number, two, or three. Slices are
            next to one another where their numbers differ by the least step that all are multiples of.
        mr_spacing_mm: of MR's columns and rows, where its pixels are others.
        mr_offset_mm: of the middle of MR's slices from the middle of colour's, along columns and rows.
        orientation: what columns, rows and slices run to: `LPI` for slices as radiologists look at them,
            numbered from head to feet.
        colours: CSV with the columns label, r, g, b.
        slabs: `yes` splits every body, `no` splits by body, `auto` splits one or two bodies.
        shares: of training, validation and test, of slabs.
        gap_mm: left out between two sides of a body.
        blocks: how often training, validation and test follow one another along a body.
        per_case: slices of a case; a side is cut into as many as it needs.

    Raises:
        UsageError: E001 for another value.
    """

    spacing_mm: tuple[str, ...] = ()
    mr_spacing_mm: tuple[str, ...] = ()
    mr_offset_mm: tuple[str, ...] = ()
    orientation: str = ""
    colours: str = ""
    slabs: str = "auto"
    shares: tuple[str, ...] = ("8", "1", "1")
    gap_mm: float = 10.0
    blocks: int = 1
    per_case: int = 100

    def __post_init__(self) -> None:
        release_files.check_choice("slabs", self.slabs, ("auto", "yes", "no"))
        if not (self.gap_mm > 0 and self.blocks > 0 and self.per_case > 0):
            wrong = f"gap_mm={self.gap_mm:g}, blocks={self.blocks}, per_case={self.per_case}"
            raise UsageError("E001", wrong, "more than 0", "Correct it.")
        self.parts()

    def parts(self) -> tuple[float, float, float]:
        """Return the shares of training, validation and test."""
        shares = numbers("shares", self.shares, (3,))
        if min(shares) < 0 or shares[0] == 0:
            raise UsageError("E001", f"shares={','.join(self.shares)}", "such as 8,1,1", "Correct it.")
        return shares[0], shares[1], shares[2]


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[BodySlab]:
    """Find bodies, cut them into slabs, and tell what was left aside.

    Args:
        folder: where the data lie.
        options: what the layout is told.
        reading: how volumes are read where they leave something open: bodies are cut along colour's slices.

    Raises:
        InputError: E100 when the folder does not exist or holds no body; E103 when a body has two stacks of a
            kind, or stack.json or the table of colours make no sense; E111 without spacings; E130 when no
            number stands in all stacks, or pixels differ and no spacing of MR is told; E131 when no body
            is complete; E132 when a body is too small for its slabs.
    """
    folder = Path(folder)
    parts: release_files.Parts = {}
    rest = [path for path in release_files.files_below(folder, _EXPECTED) if not _noted(path, folder, parts)]
    whole, left_out = release_files.complete(parts, dict.fromkeys(parts, ("mr", "colour")), folder, _EXPECTED)
    is_cut = options.slabs == "yes" or (options.slabs == "auto" and len(whole) <= _FEW)
    cases: list[BodySlab] = []
    sides: dict[str, str] = {}
    told: list[str] = []
    for name in whole:
        body = _body(name, parts[name], options, reading)
        told += body.told
        for slab in _slabs(body, options) if is_cut else [Slab("", 0, len(body.heights))]:
            made = _cases(body, slab, options.per_case, reading)
            cases += made
            sides.update({case.id: slab.side for case in made if slab.side})
        told += _gaps(body, cases) if is_cut else []
    ignored = release_files.summarise(rest, folder, "neither of a stack nor about one") + told
    return FolderContents(sorted(cases, key=lambda case: case.id), ignored, left_out, sides, is_cut)


class _Body(NamedTuple):
    """A body whose slices were matched.

    Attributes:
        name: of the body.
        heights: where the slices lie that all stacks have, in slices from the first one; increasing.
        between_mm: between two slices.
        parts: what is at some of them, given as `heights[first:last]`.
        told: what was left aside, and why.
    """

    name: str
    heights: tuple[int, ...]
    between_mm: float
    parts: Mapping[str, _Pictured | Path]
    told: list[str]


class _Pictured(NamedTuple):
    """A stack of pictures: those at the body's heights, and how they lie."""

    paths: tuple[Path, ...]
    spacing_mm: tuple[float, float, float]
    offset_mm: tuple[float, float]
    orientation: str
    colours: label_pictures.Colours


def _noted(path: Path, folder: Path, parts: release_files.Parts) -> bool:
    """Note a stack or volume by its place and name; tell whether the file is of one."""
    is_picture = path.suffix.lower() in raster.READABLE
    stack = path.parent if is_picture else path
    what = _WHAT.get((stack.name if is_picture else release_files.stem(path)).lower())
    if path.name in FACTS:
        return True
    if what is None or not (is_picture or release_files.is_volume(path)) or stack == folder:
        return False
    name = "-".join(stack.parent.relative_to(folder).parts) or folder.resolve().name
    if parts.get(name, {}).get(what) != stack:
        release_files.add(parts, name, what, stack)
    return True


def _body(name: str, mine: Mapping[str, Path], options: Options, reading: Reading) -> _Body:
    kinds = {path.is_dir() for path in mine.values()}
    if len(kinds) > 1:
        raise InputError(
            "E130",
            f"{name} with pictures and volumes",
            "one or the other: a picture has no place in space",
            "Save the pictures as a volume, or the volume as pictures.",
        )
    return _of_pictures(name, mine, options) if kinds == {True} else _of_volumes(name, mine, reading)


def _of_volumes(name: str, mine: Mapping[str, Path], reading: Reading) -> _Body:
    grid = reorient(reading.fitted(mine["colour"]).read(mine["colour"])).grid
    return _Body(name, tuple(range(grid.shape[2])), grid.spacing[2], dict(mine), [])


def _of_pictures(name: str, mine: Mapping[str, Path], options: Options) -> _Body:
    stacks, told = {}, []
    for what, folder in mine.items():
        stacks[what], odd = stack_of(folder)
        told += [f"{name}: {path.name} of {what} (named unlike the others)" for path in odd]
    common = sorted(set.intersection(*(set(stack) for stack in stacks.values())))
    if not common:
        first = ", ".join(f"{what} from {min(stack, default='none')}" for what, stack in stacks.items())
        raise InputError(
            "E130",
            f"{name} without a number that stands in all its stacks ({first})",
            "equal numbers for equal heights",
            "Rename the slices.",
        )
    for what, stack in stacks.items():
        alone = len(stack) - len(common)
        told += (
            [f"{name}: {alone} of {len(stack)} slices of {what} (not in the other stacks)"] if alone else []
        )
    facts = facts_of(mine["colour"].parent, name, options)
    step = math.gcd(*(b - a for a, b in pairwise(common))) or 1
    heights = tuple((number - common[0]) // step for number in common)
    spaced = _spaced(name, {what: stack[common[0]] for what, stack in stacks.items()}, facts)
    colours = _colours(mine, stacks, facts)
    parts = {
        what: _Pictured(
            tuple(stack[number] for number in common),
            spaced if what == "mr" else facts.spacing_mm,
            facts.mr_offset_mm if what == "mr" else (0.0, 0.0),
            facts.orientation,
            colours if what == "segmentation" else (),
        )
        for what, stack in stacks.items()
    }
    return _Body(name, heights, facts.spacing_mm[2], parts, told)


def _spaced(name: str, first: Mapping[str, Path], facts: Facts) -> tuple[float, float, float]:
    """Return MR's spacing, and refuse pictures of other sizes whose spacing nobody tells."""
    sizes = {what: raster.size_of(path) for what, path in first.items()}
    if facts.mr_spacing_mm is not None:
        return (*facts.mr_spacing_mm, facts.spacing_mm[2])
    if sizes["mr"] != sizes["colour"]:
        raise InputError(
            "E130",
            f"{name} with MR slices of {sizes['mr']} and colour slices of {sizes['colour']} pixels",
            "slices of one size, or the spacing of MR",
            "Tell it, in stack.json or with --with mr_spacing_mm=0.5; MR is then sampled on colour's grid.",
        )
    return facts.spacing_mm


def _colours(mine: Mapping[str, Path], stacks: Mapping[str, Stack], facts: Facts) -> label_pictures.Colours:
    if "segmentation" not in mine:
        return ()
    return (
        label_pictures.read_table(facts.colours)
        if facts.colours
        else label_pictures.number_colours(list(stacks["segmentation"].values()))
    )


def _slabs(body: _Body, options: Options) -> Sequence[Slab]:
    try:
        gap = gap_of(options.gap_mm, body.between_mm)
        return slabs(len(body.heights), gap, options.parts(), options.blocks)
    except InputError as error:
        raise InputError(error.code, f"{body.name}: {error.got}", error.expected, error.remedy) from error


def _cases(body: _Body, slab: Slab, per_case: int, reading: Reading) -> list[BodySlab]:
    """Cut a slab where slices are missing, and into pieces of `per_case` at most."""
    breaks = [
        place
        for place in range(slab.first + 1, slab.last)
        if body.heights[place] != body.heights[place - 1] + 1
    ]
    pieces = []
    for first, last in pairwise([slab.first, *breaks, slab.last]):
        n = math.ceil((last - first) / per_case)
        pieces += list(pairwise(first + (last - first) * k // n for k in range(n + 1)))
    label = "-".join(part for part in (body.name, slab.side) if part)
    return [_case(body, f"{label}-{low:05d}", low, high, reading) for low, high in pieces]


def _case(body: _Body, name: str, first: int, last: int, reading: Reading) -> BodySlab:
    parts = {what: _part(body, what, first, last) for what in body.parts}
    return BodySlab(name, body.name, parts["mr"], parts["colour"], parts.get("segmentation"), reading)


def _part(body: _Body, what: str, first: int, last: int) -> Part:
    part = body.parts[what]
    if isinstance(part, Path):
        return Cut(part) if what == "mr" else Cut(part, first, last)  # MR may lie on another grid
    spacing, offset, orientation, colours = part[1:]
    n = body.heights[-1] + 1
    return Pictures(part.paths[first:last], n, body.heights[first], spacing, offset, orientation, colours)


def _gaps(body: _Body, cases: Sequence[BodySlab]) -> list[str]:
    used = sum(_length(case.colour) for case in cases if case.patient == body.name)
    return [
        f"{body.name}: {len(body.heights) - used} slices (in the gaps between training, validation and test)"
    ]


def _length(part: Part) -> int:
    return part.last - part.first if isinstance(part, Cut) else len(part.paths)
