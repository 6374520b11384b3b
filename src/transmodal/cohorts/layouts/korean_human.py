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
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.layouts._body_slab import BodySlab, Cut, Pictures, SlabPart
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.layouts._stack_facts import FACTS, parse_numbers
from transmodal.cohorts.layouts._whole_body import Body, read_body
from transmodal.cohorts.split.slabs import Slab, gap_of, slabs
from transmodal.errors import InputError, UsageError
from transmodal.volumes.formats import raster
from transmodal.volumes.reading import STRICT, Reading

_IMAGE_OF = {
    **dict.fromkeys(("mr", "mri"), "mr"),
    **dict.fromkeys(("colour", "color", "cryo", "cryosection", "anatomical"), "colour"),
    **dict.fromkeys(("segmentation", "seg", "label", "labels"), "segmentation"),
}
_EXPECTED = "a folder per body with mr, colour and perhaps segmentation: numbered pictures, or volumes"
_FEW = 2


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

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
        shares = parse_numbers("shares", self.shares, (3,))
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
    unknown = [
        path for path in release_files.files_below(folder, _EXPECTED) if not _add_stack(path, folder, parts)
    ]
    whole, left_out = release_files.complete(parts, dict.fromkeys(parts, ("mr", "colour")), folder, _EXPECTED)
    is_cut = options.slabs == "yes" or (options.slabs == "auto" and len(whole) <= _FEW)
    cases: list[BodySlab] = []
    sides: dict[str, str] = {}
    left_aside: list[str] = []
    for name in whole:
        body = read_body(name, parts[name], options, reading)
        left_aside += body.left_aside
        for slab in _slabs(body, options) if is_cut else [Slab("", 0, len(body.heights))]:
            pieces = _cases(body, slab, options.per_case, reading)
            cases += pieces
            sides.update({case.id: slab.side for case in pieces if slab.side})
        left_aside += _gaps(body, cases) if is_cut else []
    ignored = release_files.summarise(unknown, folder, "neither of a stack nor about one") + left_aside
    return FolderContents(sorted(cases, key=lambda case: case.id), ignored, left_out, sides, is_cut)


def _add_stack(path: Path, folder: Path, parts: release_files.Parts) -> bool:
    """Note a stack or volume by its place and name; tell whether the file is of one."""
    is_picture = path.suffix.lower() in raster.READABLE
    stack = path.parent if is_picture else path
    image = _IMAGE_OF.get((stack.name if is_picture else release_files.stem(path)).lower())
    if path.name in FACTS:
        return True
    if image is None or not (is_picture or release_files.is_volume(path)) or stack == folder:
        return False
    name = "-".join(stack.parent.relative_to(folder).parts) or folder.resolve().name
    if parts.get(name, {}).get(image) != stack:
        release_files.add(parts, name, image, stack)
    return True


def _slabs(body: Body, options: Options) -> Sequence[Slab]:
    try:
        gap = gap_of(options.gap_mm, body.between_mm)
        return slabs(len(body.heights), gap, options.parts(), options.blocks)
    except InputError as error:
        raise InputError(error.code, f"{body.name}: {error.got}", error.expected, error.remedy) from error


def _cases(body: Body, slab: Slab, per_case: int, reading: Reading) -> list[BodySlab]:
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


def _case(body: Body, name: str, first: int, last: int, reading: Reading) -> BodySlab:
    parts = {image: _part(body, image, first, last) for image in body.parts}
    return BodySlab(name, body.name, parts["mr"], parts["colour"], parts.get("segmentation"), reading)


def _part(body: Body, image: str, first: int, last: int) -> SlabPart:
    part = body.parts[image]
    if isinstance(part, Path):
        return Cut(part) if image == "mr" else Cut(part, first, last)  # MR may lie on another grid
    spacing, offset, orientation, colours = part[1:]
    n = body.heights[-1] + 1
    return Pictures(part.paths[first:last], n, body.heights[first], spacing, offset, orientation, colours)


def _gaps(body: Body, cases: Sequence[BodySlab]) -> list[str]:
    n_used = sum(_length(case.colour) for case in cases if case.patient == body.name)
    return [
        f"{body.name}: {len(body.heights) - n_used} slices (in the gaps between training, validation and test)"
    ]


def _length(part: SlabPart) -> int:
    return part.last - part.first if isinstance(part, Cut) else len(part.paths)
