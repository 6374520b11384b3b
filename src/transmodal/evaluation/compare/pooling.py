"""Who stands in a table: trainings of one recipe that differ in their seed alone are one row."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal.errors import UsageError
from transmodal.evaluation import provenance
from transmodal.evaluation.compare.comparability import Kind
from transmodal.evaluation.provenance import describe_variant
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.statistics.paired_tests import by_patient
from transmodal.notice import FROM_SCRATCH


@dataclass(frozen=True, slots=True)
class Entry:
    """A translator of an evaluation."""

    name: str
    evaluation: EvaluationRecord
    is_oracle: bool

    @property
    def record(self) -> dict[str, Any]:
        """How the model came about; empty for an oracle."""
        return self.evaluation.content.provenance.models.get(self.name, {})

    @property
    def folder(self) -> Path:
        """Of the run, as far as the place of the evaluation says it."""
        above = self.evaluation.path.absolute().parent
        return above.parent if above.name == "evaluation" else above

    def figures(self, kind: Kind) -> dict[str, float]:
        """Return one figure per patient, infinite where one of a case is not finite."""
        return by_patient(
            (row.patient, float("inf") if row.value is None else row.value)
            for row in self.evaluation.content.rows
            if (row.translator, row.metric, row.protocol) == (self.name, kind.metric, kind.protocol)
        )


@dataclass(frozen=True, slots=True)
class Pool:
    """One row of a table: one oracle, or the trainings of one recipe, each with another seed."""

    name: str
    entries: tuple[Entry, ...]

    @property
    def is_oracle(self) -> bool:
        """Whether it needed no learning of images."""
        return self.entries[0].is_oracle

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the trainings that are known."""
        return tuple(int(one.record["seed"]) for one in self.entries if "seed" in one.record)

    def starts(self) -> set[str]:
        """Return what its networks started from; see `origin.starts_of`."""
        return {start for one in self.entries for start in provenance.starting_weights(one.record)}

    def recorded(self, key: str) -> list[float]:
        """Return a number out of the records of the trainings that have it."""
        return [float(one.record[key]) for one in self.entries if one.record.get(key) is not None]

    def seconds(self) -> list[float]:
        """Return what the translation of each case took, of all trainings."""
        return [s for one in self.entries for s in one.evaluation.seconds.get(one.name, {}).values()]

    def devices(self) -> set[str]:
        """Return where it ran."""
        return {
            one.evaluation.devices[one.name] for one in self.entries if one.name in one.evaluation.devices
        }


def pools(evaluations: Sequence[EvaluationRecord]) -> list[Pool]:
    """Return the rows of a table, models first, each with a name of its own.

    Raises:
        UsageError: E004 when the same weights stand in the table twice.
    """
    models = [Entry(name, one, False) for one in evaluations for name in one.content.provenance.models]
    _check_weights(models)
    groups = _by_recipe(models)
    oracles = _oracles(evaluations)
    names = _names(groups, {pool.name for pool in oracles})
    return [Pool(name, group) for name, group in zip(names, groups, strict=True)] + oracles


def _check_weights(models: Sequence[Entry]) -> None:
    seen: dict[tuple[str, str], Entry] = {}
    for one in models:
        digest = one.record.get("weights_sha256")
        if digest is None:
            continue
        first = seen.setdefault((str(digest), json.dumps(_variant(one.record))), one)
        if first is not one:
            raise UsageError(
                "E004",
                f"{first.name} of {first.evaluation.path} and {one.name} of {one.evaluation.path} are the same weights",
                "each training once",
                "Leave one of them out.",
            )


def _by_recipe(models: Sequence[Entry]) -> list[tuple[Entry, ...]]:
    """Pool trainings of one recipe; where a seed is there twice, what differs is not known: they stay apart."""
    groups: dict[str, list[Entry]] = {}
    for n, one in enumerate(models):
        groups.setdefault(_recipe_of(one) or f"alone {n}", []).append(one)
    found: list[tuple[Entry, ...]] = []
    for group in groups.values():
        seeds = [one.record.get("seed") for one in group]
        apart = len(set(seeds)) < len(seeds)
        found += [(one,) for one in group] if apart else [tuple(group)]
    return found


def _recipe_of(one: Entry) -> str:
    """Return what trainings that differ in their seed alone have in common; empty where it is not recorded."""
    record = one.record
    if not record.get("recipe_sha256") or record.get("seed") is None:
        return ""
    starts = record.get("starting_weights") or {}
    given = {name: start for name, start in starts.items() if start != FROM_SCRATCH}
    parts = [record.get(key) for key in ("recipe_sha256", "without", "cohort", "frozen")]
    variant = _variant_of(record)
    parts += [variant] if variant else []
    # Recipes from before this could be set have the same digest, and took running averages.
    own = (record.get("passes") or {}).get("translate_with") == "batch_statistics"
    parts += ["batch_statistics"] if own else []
    parts += [given] if given else []
    return json.dumps(parts, sort_keys=True)


def _variant(record: Mapping[str, Any]) -> list[Any]:
    """Return what one training can be scored by more than once: without some sources, or by other passes."""
    return [record.get("without", []), _variant_of(record)]


def _variant_of(record: Mapping[str, Any]) -> str:
    return describe_variant(record.get("passes") or {})


def _oracles(evaluations: Sequence[EvaluationRecord]) -> list[Pool]:
    """Return every oracle once, or once per evaluation where it was fitted to other sources."""
    found: dict[str, list[Entry]] = {}
    for one in evaluations:
        for name in one.content.provenance.oracles:
            entry = Entry(name, one, True)
            others = found.setdefault(name, [])
            if not any(_same_figures(entry, other) for other in others):
                others.append(entry)
    return [
        Pool(name if len(entries) == 1 else f"{name} ({entry.folder.name})", (entry,))
        for name, entries in found.items()
        for entry in entries
    ]


def _same_figures(one: Entry, other: Entry) -> bool:
    return _rounded(one) == _rounded(other)


def _rounded(one: Entry) -> set[tuple[str, str, str, str]]:
    return {
        (row.case, row.metric, row.protocol, "" if row.value is None else f"{row.value:.6g}")
        for row in one.evaluation.content.rows
        if row.translator == one.name
    }


def _names(groups: Sequence[tuple[Entry, ...]], taken: set[str]) -> list[str]:
    """Name rows as their evaluations do, else by translator, recipe, recipe and folder: the first that tells all apart."""
    for name in (_own_name, _translator, _recipe, _folder):
        names = [name(group) for group in groups]
        if all(names) and len({*names} | taken) == len(names) + len(taken):
            return names
    return [f"{_folder(group)} [{n}]" for n, group in enumerate(groups, start=1)]


def _own_name(group: tuple[Entry, ...]) -> str:
    names = {one.name for one in group}
    return names.pop() if len(names) == 1 else ""


def _translator(group: tuple[Entry, ...]) -> str:
    return f"{group[0].record.get('translator', group[0].name)}{_lacking(group)}"


def _recipe(group: tuple[Entry, ...]) -> str:
    return f"{group[0].record.get('recipe', group[0].name)}{_lacking(group)}"


def _folder(group: tuple[Entry, ...]) -> str:
    folder = Path(os.path.commonpath([one.folder for one in group])).name
    return f"{_recipe(group)} ({folder})"


def _lacking(group: tuple[Entry, ...]) -> str:
    without = group[0].record.get("without")
    variant = _variant_of(group[0].record)
    several = f", {variant}" if variant else ""
    return several + (f" without {', '.join(without)}" if without else "")
