"""The offer of a study: a name, one line, its needs, its options, and the function that answers.

A study is a module or package of this folder with one value, `STUDY`. It edits no list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.record import Omission, StudyChart, StudyFigure, StudyTable
from transmodal.recipes.parts import Part

Needs = Literal["runs", "recipes", "nothing"]
"""`runs`: trained runs, or recipes that the frame trains first; `recipes`: recipes whose variants the study trains
itself; `nothing`: a cohort alone."""


class StudyOptions(Part):
    """Options of a study that has none of its own."""


class Findings(NamedTuple):
    """The answer of a study.

    Attributes:
        protocol: how figures and intervals were taken, in sentences.
        sentences: that the figures say, null results included; the first stands at the head of the page.
        figures: tidy rows.
        tables: of the figures.
        charts: of the tables' columns.
        omissions: what was left out, and why.
        notes: remarks for a reader.
        entrants: runs that the study trained itself.
    """

    protocol: str
    sentences: tuple[str, ...]
    figures: tuple[StudyFigure, ...]
    tables: tuple[StudyTable, ...]
    charts: tuple[StudyChart, ...] = ()
    omissions: tuple[Omission, ...] = ()
    notes: tuple[str, ...] = ()
    entrants: tuple[Entrant, ...] = ()


@dataclass(frozen=True, slots=True)
class Study:
    """One study.

    Attributes:
        name: of its module.
        about: what it asks, on one line.
        reading: how to read its figures: one paragraph for who knows brains and not networks.
        needs: what it is given.
        answer: takes the bench, whose options are of `options`, and returns the findings.
        options: schema of its own options, with a default for each.
        recipes: that it trains where it is given none.
        command: example call behind `transmodal study NAME`.
    """

    name: str
    about: str
    reading: str
    needs: Needs
    answer: Callable[[Bench[Any]], Findings]
    options: type[StudyOptions] = StudyOptions
    recipes: tuple[str, ...] = ()
    command: str = "runs/mine --cohort cohort -o studies/mine"
