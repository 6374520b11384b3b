"""The format of `study.json`: one schema, written and read through it.

A study's record is tidy: one figure a line, with the table that it stands in, its row, its group and its name. Tables,
charts and pages are made of the record alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from transmodal.errors import InputError
from transmodal.recipes.parts import Part
from transmodal.storage import files, sealed

NAME = "study.json"
VERSION = 1
_VERBS = ("transmodal study", "transmodal reader score")
"""By which records are written; the first where a record does not say it."""

Ends = tuple[float, float]
"""Low and high end of an interval."""


class StudyFigure(Part):
    """One figure, of six digits.

    Attributes:
        table: name of the table that it stands in.
        row: translator or condition that it is of.
        group: part of the row, such as a region, or the level of what is varied; empty without parts.
        figure: its name, the heading of its column.
        value: None where it cannot be taken; `note` says why.
        interval: 95 % interval, or the range of chance where the table's caption says so.
        n: subjects that it is over, or lesions.
        p: of a test against nothing.
        note: remark on this figure.
    """

    table: str
    row: str
    group: str = ""
    figure: str
    value: float | None
    interval: Ends | None = None
    n: int = 0
    p: float | None = None
    note: str = ""

    @field_validator("value", mode="after")
    @classmethod
    def _round(cls, value: float | None) -> float | None:
        return None if value is None else _rounded(value)

    @field_validator("interval", mode="after")
    @classmethod
    def _round_ends(cls, ends: Ends | None) -> Ends | None:
        return None if ends is None else (_rounded(ends[0]), _rounded(ends[1]))


class StudyTable(Part):
    """How the figures of one table are shown.

    Attributes:
        name: of the table, unique in the record.
        caption: one or two sentences: what it holds, and what good looks like.
        row_heading: noun of the rows, such as `translator`.
        group_heading: noun of the groups.
        decimals: of the figures.
        whole: columns of whole numbers, such as numbers of subjects, which have no decimals.
        is_detail: whether a page shows it folded.
    """

    name: str
    caption: str
    row_heading: str = "translator"
    group_heading: str = "region"
    decimals: int = 2
    whole: tuple[str, ...] = ()
    is_detail: bool = False


class StudyChart(Part):
    """A drawing of one column of a table.

    Attributes:
        table: whose figures are drawn.
        figure: name of the column.
        caption: what it shows.
        kind: `intervals`: a dot and its interval per row and group; `curves`: a line per row over numeric groups.
        reference: value of a line to compare with, such as 0 for chance.
        unit: of the column; empty where its name says it, or where it has none.
    """

    table: str
    figure: str
    caption: str
    kind: Literal["intervals", "curves"] = "intervals"
    reference: float | None = None
    unit: str = ""


class Omission(Part):
    """A part of a study that was left out, and why."""

    part: str
    reason: str


class StudyModel(Part):
    """One run that the figures are of.

    Attributes:
        row: its name in tables; runs of one recipe with several seeds share it.
        translator: that it trained.
        recipe: name of its recipe.
        recipe_sha256: of the recipe as YAML; files of weights are named by their content.
        weights_sha256: of the trained weights.
        seed: of the training.
        random_weights: frozen networks with random weights: figures of such a run show the plumbing only.
    """

    row: str
    translator: str
    recipe: str
    recipe_sha256: str
    weights_sha256: str
    seed: int
    random_weights: tuple[str, ...] = ()


class StudyCohort(Part):
    """The cohort that figures are of; `cases` counts the cases of each side of its split."""

    name: str
    digest: str
    cases: dict[str, int]


class StudyRecord(Part):
    """The content of a `study.json`.

    Attributes:
        version: of the format.
        study: name of the study.
        about: what it asks, on one line.
        reading: how to read its figures, one paragraph for who knows brains and not networks.
        intended_use: that of everything here.
        tool_version: of transmodal.
        commit: of the code; None outside a checkout.
        hardware: what time depends on.
        cohort: that was scored.
        split: side of the cohort's split.
        options: of the study, resolved.
        seeds: of the trainings.
        models: every run.
        protocol: how figures and intervals were taken.
        findings: sentences that the figures say.
        figures: tidy rows.
        tables: in the order in which a page shows them.
        charts: in that order.
        omissions: what was left out, and why.
        notes: remarks for a reader.
        command: that makes it again.
    """

    version: Literal[1] = 1
    study: str
    about: str
    reading: str
    intended_use: str
    tool_version: str
    commit: str | None
    hardware: dict[str, Any] = Field(default_factory=dict)
    cohort: StudyCohort
    split: str
    options: dict[str, Any] = Field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    models: tuple[StudyModel, ...] = ()
    protocol: str
    findings: tuple[str, ...] = ()
    figures: tuple[StudyFigure, ...]
    tables: tuple[StudyTable, ...]
    charts: tuple[StudyChart, ...] = ()
    omissions: tuple[Omission, ...] = ()
    notes: tuple[str, ...] = ()
    command: str

    @model_validator(mode="after")
    def _check_tables(self) -> Self:
        names = [table.name for table in self.tables]
        if len(set(names)) < len(names):
            raise ValueError("two tables of one name")
        odd = {figure.table for figure in self.figures} - set(names)
        columns = {(figure.table, figure.figure) for figure in self.figures}
        undrawn = {(chart.table, chart.figure) for chart in self.charts} - columns
        if odd or undrawn:
            raise ValueError(f"figures or charts without a table: {sorted(map(str, odd | undrawn))[0]}")
        keys = [(figure.table, figure.row, figure.group, figure.figure) for figure in self.figures]
        if len(set(keys)) < len(keys):
            raise ValueError("two figures in one place")
        return self

    def of_table(self, name: str) -> tuple[StudyFigure, ...]:
        """Return the figures of one table, in order."""
        return tuple(figure for figure in self.figures if figure.table == name)


def write(record: StudyRecord, path: Path) -> None:
    """Write a record with its seal.

    Raises:
        UsageError, ResourceError: as `storage.files.write_json`.
    """
    content = {"version": record.version, **record.model_dump(mode="json", exclude_defaults=True)}
    files.write_json(path, sealed.seal(content))


def read(path: Path) -> StudyRecord:
    """Read a record.

    Args:
        path: its file, or the folder of the study.

    Raises:
        InputError: E100 when there is no such file, E101 when it is no record, E102 when it is of a later format.
        IntegrityError: E501 when it was changed since it was written.
    """
    file = path / NAME if path.is_dir() else path
    content = sealed.read(file)
    version = content.content.get("version", VERSION)
    if version != VERSION:
        raise InputError(
            "E102",
            f"{file} of format {version}",
            f"a study of format {VERSION}",
            "A later version of transmodal wrote it: read it with that version.",
        )
    try:
        record = StudyRecord.model_validate(content.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "its content"
        raise InputError(
            "E101", f"{file}: {place}: {first['msg'].lower()}", "a study's record", _remedy(content.content)
        ) from error
    sealed.check(file, content, _remedy(content.content))
    return record


def _remedy(content: Mapping[str, Any]) -> str:
    """Return the way out of a record that was changed, by the verb that the record names."""
    command = str(content.get("command", ""))
    verb = next((verb for verb in _VERBS if command.startswith(verb)), _VERBS[0])
    return f"Do not change it by hand; write it again with {verb}."


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
