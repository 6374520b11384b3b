"""Items of a session: which pictures are asked about, on which slices, side by side or alone, and which come twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from transmodal.experiments.reader import order
from transmodal.experiments.reader.session import QUESTIONS, REAL, QuestionName, ReaderItem

_Value = TypeVar("_Value")

Pairs = Literal["all", "systems", "real"]
"""Which pictures are compared: every two, systems alone, or each system with the real picture."""


class ShownSlice(NamedTuple):
    """A slice that is shown of the measured image and of every system.

    Attributes:
        case: whose slice it is.
        patient: whose case it is.
        place: voxel along the plane's axis, closest to RAS.
        questions: that are asked about it.
        has_lesion: whether a lesion lies in it; None where nobody looked.
    """

    case: str
    patient: str
    place: int
    questions: frozenset[QuestionName]
    has_lesion: bool | None = None


class PictureId(NamedTuple):
    """A picture: of a case, a slice and a system."""

    case: str
    place: int
    system: str


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """Items with their orders.

    Attributes:
        items: by name.
        repeats: item that is shown once more, by the name of the repeat.
        orders: of all items.
    """

    items: dict[str, ReaderItem] = field(default_factory=dict)
    repeats: dict[str, str] = field(default_factory=dict)
    orders: tuple[tuple[str, ...], ...] = ()


class ItemRequest(NamedTuple):
    """The material of items.

    Attributes:
        systems: names, without the measured image.
        pairs: which pictures are compared.
        repeats: share of items that is shown once more.
        n_orders: how many orders.
    """

    systems: Sequence[str]
    pairs: Pairs
    repeats: float
    n_orders: int


def draw_names(n: int, draw: np.random.Generator) -> list[str]:
    """Return names that say nothing, all different."""
    names: dict[str, None] = {}
    while len(names) < n:
        names[draw.bytes(8).hex()] = None
    return list(names)


def plan_items(
    slices: Sequence[ShownSlice],
    names: Mapping[PictureId, str],
    request: ItemRequest,
    draw: np.random.Generator,
) -> ItemPlan:
    """Return the items about slices, the repeated ones, and the orders in which they are shown.

    Args:
        slices: that are shown.
        names: of the pictures.
        request: what items are made of.
        draw: where chance comes from.
    """
    plan = ItemPlan()
    by_question: dict[QuestionName, dict[str, str]] = {}
    for question in QUESTIONS:
        pictures = [
            (shown_slice.case, sides)
            for shown_slice in slices
            for sides in _sides(question, shown_slice, request, draw)
        ]
        own = draw_names(len(pictures), draw)
        plan.items.update(
            {
                name: ReaderItem(question=question, pictures=tuple(names[side] for side in sides))
                for name, (_, sides) in zip(own, pictures, strict=True)
            }
        )
        by_question[question] = {name: case for name, (case, _) in zip(own, pictures, strict=True)}
        repeated_names = order.choose_repeats(own, request.repeats, draw)
        for repeat, name in zip(draw_names(len(repeated_names), draw), repeated_names, strict=True):
            plan.repeats[repeat] = name
            plan.items[repeat] = plan.items[name].model_copy(
                update={"pictures": plan.items[name].pictures[::-1]}  # sides are changed, where there are two
            )
    orders = tuple(_order(by_question, plan, draw) for _ in range(request.n_orders))
    return ItemPlan(_sorted(plan.items), _sorted(plan.repeats), orders)


def pairs_of(systems: Sequence[str], pairs: Pairs) -> list[tuple[str, str]]:
    """Return the two systems of every comparison; the measured image stands last in its."""
    between = list(combinations(systems, 2))
    against = [(system, REAL) for system in systems]
    return {"all": [*between, *against], "systems": between, "real": against}[pairs]


def _sides(
    question: QuestionName, shown_slice: ShownSlice, request: ItemRequest, draw: np.random.Generator
) -> list[tuple[PictureId, ...]]:
    """Return the pictures of every item of a question about a slice."""
    if question not in shown_slice.questions:
        return []
    if question != "preference":
        return [
            (PictureId(shown_slice.case, shown_slice.place, system),) for system in (REAL, *request.systems)
        ]
    sides: list[tuple[PictureId, ...]] = []
    for pair in pairs_of(request.systems, request.pairs):
        left_system, right_system = pair if draw.random() < 0.5 else pair[::-1]
        sides.append(
            tuple(
                PictureId(shown_slice.case, shown_slice.place, system)
                for system in (left_system, right_system)
            )
        )
    return sides


def _order(
    by_question: Mapping[QuestionName, Mapping[str, str]], plan: ItemPlan, draw: np.random.Generator
) -> tuple[str, ...]:
    """Return all items, question by question."""
    names: list[str] = []
    for cases in by_question.values():
        own = {repeat: name for repeat, name in plan.repeats.items() if name in cases}
        names += order.shuffle_items(cases, own, draw)
    return tuple(names)


def _sorted(table: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return a table in the order of its names, which were drawn: the order of making would tell."""
    return dict(sorted(table.items()))
