"""Rows of a table: trainings of one recipe that differ in their seed alone are one row."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal.errors import UsageError
from transmodal.evaluation import provenance
from transmodal.evaluation.compare.comparability import ComparedMetric
from transmodal.evaluation.provenance import ANOTHER_PROGRAM, ORIGIN, describe_variant
from transmodal.evaluation.records.read import EvaluationRecord
from transmodal.evaluation.statistics.paired_tests import by_patient
from transmodal.notice import FROM_SCRATCH


@dataclass(frozen=True, slots=True)
class EvaluatedTranslator:
    """A translator of an evaluation."""

    name: str
    evaluation: EvaluationRecord
    is_oracle: bool

    @property
    def record(self) -> dict[str, Any]:
        """Record of the model's training; empty for an oracle."""
        return self.evaluation.content.provenance.models.get(self.name, {})

    @property
    def folder(self) -> Path:
        """Folder of the run, as far as the place of the evaluation says it."""
        return self.evaluation.folder

    def figures(self, metric: ComparedMetric) -> dict[str, float]:
        """Return one figure per patient, infinite where one of a case is not finite."""
        return by_patient(
            (row.patient, float("inf") if row.value is None else row.value)
            for row in self.evaluation.content.rows
            if (row.translator, row.metric, row.protocol) == (self.name, metric.metric, metric.protocol)
        )


@dataclass(frozen=True, slots=True)
class Pool:
    """One row of a table: one oracle, or the trainings of one recipe, each with another seed."""

    name: str
    members: tuple[EvaluatedTranslator, ...]

    @property
    def is_oracle(self) -> bool:
        """Whether it needed no learning of images."""
        return self.members[0].is_oracle

    @property
    def n_trainings(self) -> int:
        """How many trainings there were; 0 for an oracle, and for volumes of another program, of which none is known."""
        is_known = not self.is_oracle and self.members[0].record.get(ORIGIN) != ANOTHER_PROGRAM
        return len(self.members) if is_known else 0

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the trainings that are known."""
        return tuple(int(member.record["seed"]) for member in self.members if "seed" in member.record)

    def starts(self) -> set[str]:
        """Return the weights that its networks started from; see `provenance.starting_weights`."""
        return {start for member in self.members for start in provenance.starting_weights(member.record)}

    def recorded(self, key: str) -> list[float]:
        """Return a number out of the records of the trainings that have it."""
        return [float(member.record[key]) for member in self.members if member.record.get(key) is not None]

    def seconds(self) -> list[float]:
        """Return the seconds that the translation of each case took, of all trainings."""
        return [
            seconds
            for member in self.members
            for seconds in member.evaluation.seconds.get(member.name, {}).values()
        ]

    def devices(self) -> set[str]:
        """Return the devices that it ran on."""
        return {
            member.evaluation.devices[member.name]
            for member in self.members
            if member.name in member.evaluation.devices
        }


def pool_trainings(evaluations: Sequence[EvaluationRecord]) -> list[Pool]:
    """Return the rows of a table, models first, each with a name of its own.

    Raises:
        UsageError: E004 when the same weights stand in the table twice.
    """
    models = [
        EvaluatedTranslator(name, evaluation, False)
        for evaluation in evaluations
        for name in evaluation.content.provenance.models
    ]
    _check_weights(models)
    groups = _group_by_recipe(models)
    oracles = _pool_oracles(evaluations)
    names = _name_groups(groups, {pool.name for pool in oracles})
    return [Pool(name, group) for name, group in zip(names, groups, strict=True)] + oracles


def _check_weights(models: Sequence[EvaluatedTranslator]) -> None:
    firsts: dict[tuple[str, str], EvaluatedTranslator] = {}
    for model in models:
        digest = model.record.get("weights_sha256") or model.record.get("volumes_sha256")
        if digest is None:
            continue
        first = firsts.setdefault((str(digest), json.dumps(_scoring_variant(model.record))), model)
        if first is not model:
            raise UsageError(
                "E004",
                f"{first.name} of {first.evaluation.path} and {model.name} of {model.evaluation.path} are the same {'weights' if 'weights_sha256' in model.record else 'volumes'}",
                "each training once",
                "Leave one of them out.",
            )


def _group_by_recipe(models: Sequence[EvaluatedTranslator]) -> list[tuple[EvaluatedTranslator, ...]]:
    """Pool trainings of one recipe; where a seed is there twice, what differs is not known: they stay apart."""
    groups: dict[str, list[EvaluatedTranslator]] = {}
    for n, model in enumerate(models):
        groups.setdefault(_recipe_of(model) or f"alone {n}", []).append(model)
    pools: list[tuple[EvaluatedTranslator, ...]] = []
    for group in groups.values():
        seeds = [model.record.get("seed") for model in group]
        is_ambiguous = len(set(seeds)) < len(seeds)
        pools += [(model,) for model in group] if is_ambiguous else [tuple(group)]
    return pools


def _recipe_of(model: EvaluatedTranslator) -> str:
    """Return what trainings that differ in their seed alone have in common; empty where it is not recorded."""
    record = model.record
    if not record.get("recipe_sha256") or record.get("seed") is None:
        return ""
    starts = record.get("starting_weights") or {}
    pretrained = {name: start for name, start in starts.items() if start != FROM_SCRATCH}
    parts = [record.get(key) for key in ("recipe_sha256", "without", "cohort", "frozen")]
    variant = _passes_variant(record)
    parts += [variant] if variant else []
    # Recipes from before this could be set have the same digest, and took running averages.
    has_batch_statistics = (record.get("passes") or {}).get("translate_with") == "batch_statistics"
    parts += ["batch_statistics"] if has_batch_statistics else []
    parts += [pretrained] if pretrained else []
    return json.dumps(parts, sort_keys=True)


def _scoring_variant(record: Mapping[str, Any]) -> list[Any]:
    """Return what one training can be scored by more than once: without some sources, or by other passes."""
    return [record.get("without", []), _passes_variant(record)]


def _passes_variant(record: Mapping[str, Any]) -> str:
    return describe_variant(record.get("passes") or {})


def _pool_oracles(evaluations: Sequence[EvaluationRecord]) -> list[Pool]:
    """Return every oracle once, or once per evaluation where it was fitted to other sources."""
    oracles: dict[str, list[EvaluatedTranslator]] = {}
    for evaluation in evaluations:
        for name in evaluation.content.provenance.oracles:
            oracle = EvaluatedTranslator(name, evaluation, True)
            variants = oracles.setdefault(name, [])
            if not any(_has_same_figures(oracle, variant) for variant in variants):
                variants.append(oracle)
    return [
        Pool(name if len(variants) == 1 else f"{name} ({oracle.folder.name})", (oracle,))
        for name, variants in oracles.items()
        for oracle in variants
    ]


def _has_same_figures(first: EvaluatedTranslator, second: EvaluatedTranslator) -> bool:
    """Return whether two oracles have the same figures, as far as both evaluations took them."""
    ours, theirs = _rounded_figures(first), _rounded_figures(second)
    shared = ours.keys() & theirs.keys()
    return bool(shared) and all(ours[key] == theirs[key] for key in shared)


def _rounded_figures(oracle: EvaluatedTranslator) -> dict[tuple[str, str, str], str]:
    return {
        (row.case, row.metric, row.protocol): "" if row.value is None else f"{row.value:.6g}"
        for row in oracle.evaluation.content.rows
        if row.translator == oracle.name
    }


def _name_groups(groups: Sequence[tuple[EvaluatedTranslator, ...]], reserved: set[str]) -> list[str]:
    """Name rows as their evaluations do, else by translator or recipe: the first that tells all apart.

    Where none does, rows that share a recipe's name have their folder beside it, and failing that a number.
    """
    for name in (_evaluation_name, _translator_name, _recipe_name):
        names = [name(group) for group in groups]
        if all(names) and _are_apart(names, reserved):
            return names
    folders = [_folder_name(group) for group in groups]
    numbers = [f"{folder} [{n}]" for n, folder in enumerate(folders, start=1)]
    for others in (folders, numbers):
        names = [own if names.count(own) == 1 else other for own, other in zip(names, others, strict=True)]
        if _are_apart(names, reserved):
            return names
    return numbers


def _are_apart(names: Sequence[str], reserved: set[str]) -> bool:
    return len({*names} | reserved) == len(names) + len(reserved)


def _evaluation_name(group: tuple[EvaluatedTranslator, ...]) -> str:
    names = {model.name for model in group}
    return names.pop() if len(names) == 1 else ""


def _translator_name(group: tuple[EvaluatedTranslator, ...]) -> str:
    return f"{group[0].record.get('translator', group[0].name)}{_variant_suffix(group)}"


def _recipe_name(group: tuple[EvaluatedTranslator, ...]) -> str:
    return f"{group[0].record.get('recipe', group[0].name)}{_variant_suffix(group)}"


def _folder_name(group: tuple[EvaluatedTranslator, ...]) -> str:
    folder = Path(os.path.commonpath([model.folder for model in group])).name
    return f"{_recipe_name(group)} ({folder})"


def _variant_suffix(group: tuple[EvaluatedTranslator, ...]) -> str:
    without = group[0].record.get("without")
    variant = _passes_variant(group[0].record)
    several = f", {variant}" if variant else ""
    return several + (f" without {', '.join(without)}" if without else "")
