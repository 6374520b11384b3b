"""A whole body cut slice by slice: its stacks of pictures, or its volumes, matched by height."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from transmodal.cohorts import label_pictures
from transmodal.cohorts.layouts._stack_facts import Stack, StackFacts, StackSettings, read_facts, read_stack
from transmodal.errors import InputError
from transmodal.volumes import io
from transmodal.volumes.formats import raster
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.reading import Reading


class Body(NamedTuple):
    """A body whose slices were matched.

    Attributes:
        name: of the body.
        heights: where the slices lie that all stacks have, in slices from the first one; increasing.
        between_mm: between two slices.
        parts: what is at some of them, given as `heights[first:last]`.
        left_aside: what was left aside, and why.
    """

    name: str
    heights: tuple[int, ...]
    between_mm: float
    parts: Mapping[str, PictureStack | Path]
    left_aside: list[str]


class PictureStack(NamedTuple):
    """A stack of pictures: those at the body's heights, and how they lie."""

    paths: tuple[Path, ...]
    spacing_mm: tuple[float, float, float]
    offset_mm: tuple[float, float]
    orientation: str
    colours: label_pictures.Colours


def read_body(name: str, images: Mapping[str, Path], settings: StackSettings, reading: Reading) -> Body:
    """Match the slices of a body's stacks, or take its volumes as they are.

    Args:
        name: of the body.
        images: folders of pictures, or volumes, of `mr`, `colour` and perhaps `segmentation`.
        settings: what the user says of the stacks.
        reading: how volumes are read where they leave something open.

    Raises:
        InputError: E103 when a stack has two pictures of a number, E111 without spacings, E130 for pictures beside
            volumes, stacks without a common number, or MR of other pixels whose spacing is not told.
    """
    kinds = {path.is_dir() for path in images.values()}
    if len(kinds) > 1:
        raise InputError(
            "E130",
            f"{name} with pictures and volumes",
            "one or the other: a picture has no place in space",
            "Save the pictures as a volume, or the volume as pictures.",
        )
    return _of_pictures(name, images, settings) if kinds == {True} else _of_volumes(name, images, reading)


def _of_volumes(name: str, images: Mapping[str, Path], reading: Reading) -> Body:
    grid = reorient(io.read_fitted(images["colour"], reading)).grid
    return Body(name, tuple(range(grid.shape[2])), grid.spacing[2], dict(images), [])


def _of_pictures(name: str, images: Mapping[str, Path], settings: StackSettings) -> Body:
    stacks, left_aside = {}, []
    for image, folder in images.items():
        stacks[image], odd = read_stack(folder)
        left_aside += [f"{name}: {path.name} of {image} (named unlike the others)" for path in odd]
    common = _common_numbers(name, stacks)
    for image, stack in stacks.items():
        alone = len(stack) - len(common)
        left_aside += (
            [f"{name}: {alone} of {len(stack)} slices of {image} (not in the other stacks)"] if alone else []
        )
    facts = read_facts(images["colour"].parent, name, settings)
    step = math.gcd(*(b - a for a, b in pairwise(common))) or 1
    heights = tuple((number - common[0]) // step for number in common)
    mr_spacing = _mr_spacing(name, {image: stack[common[0]] for image, stack in stacks.items()}, facts)
    colours = _colours(images, stacks, facts)
    parts = {
        image: PictureStack(
            tuple(stack[number] for number in common),
            mr_spacing if image == "mr" else facts.spacing_mm,
            facts.mr_offset_mm if image == "mr" else (0.0, 0.0),
            facts.orientation,
            colours if image == "segmentation" else (),
        )
        for image, stack in stacks.items()
    }
    return Body(name, heights, facts.spacing_mm[2], parts, left_aside)


def _common_numbers(name: str, stacks: Mapping[str, Stack]) -> list[int]:
    """Return the numbers of the slices that all stacks have."""
    common = sorted(set.intersection(*(set(stack) for stack in stacks.values())))
    if not common:
        first = ", ".join(f"{image} from {min(stack, default='none')}" for image, stack in stacks.items())
        raise InputError(
            "E130",
            f"{name} without a number that stands in all its stacks ({first})",
            "equal numbers for equal heights",
            "Rename the slices.",
        )
    return common


def _mr_spacing(name: str, first: Mapping[str, Path], facts: StackFacts) -> tuple[float, float, float]:
    """Return MR's spacing, and refuse pictures of other sizes whose spacing nobody tells."""
    sizes = {image: raster.size_of(path) for image, path in first.items()}
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


def _colours(
    images: Mapping[str, Path], stacks: Mapping[str, Stack], facts: StackFacts
) -> label_pictures.Colours:
    if "segmentation" not in images:
        return ()
    return (
        label_pictures.read_table(facts.colours)
        if facts.colours
        else label_pictures.number_colours(list(stacks["segmentation"].values()))
    )
