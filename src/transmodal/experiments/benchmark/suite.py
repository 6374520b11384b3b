"""Suites: which translators are trained, by which recipes and seeds, with what budget."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field

from transmodal import translators
from transmodal.errors import UsageError, suggest
from transmodal.experiments.benchmark import metrics
from transmodal.experiments.design import Design, Variant
from transmodal.experiments.library import Library
from transmodal.recipes import load as recipes

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Statistics = Literal["batch_statistics", "running"]


class Entry(Variant):
    """One row of the table.

    Attributes:
        recipe: name in the library or path; None where the suite's `every` finds it by the translator's name.
        changes: of the recipe, as `dotted.key=value`, after the suite's.
        note: what a reader has to know of it.
        also: statistics of batch normalisation other than the recipe's, in rows of their own: the same trainings,
            translated once more.
    """

    also: tuple[Statistics, ...] = ()


class Suite(Design):
    """Translators that are compared with one another and with oracles.

    Attributes:
        name: of the suite; its results in the docs have the same.
        about: what it is for, in a line or two.
        budget: what every translator is given, in words.
        cohort: what cohort it is made for, in words or as a command.
        metric: by which the table is ranked: any of the registry, such as `ms_ssim`, or `ssim-2d` for a dimension.
        metrics: shown beside it and beside MAE, PSNR and SSIM.
        against: entry that the others are held against, fixed beforehand; empty for the best, which the figures choose.
        seeds: of the trainings.
        changes: of every recipe.
        every: patterns of recipes' names, the preferred first: each translator for which a recipe of the library
            matches has an entry of its name.
        remainder: patterns like those of `every`: each translator that no entry trains, and for which a recipe of the
            library matches, has an entry of its name behind the others.
        entries: by name, in order.
    """

    name: Name
    about: str
    budget: str
    cohort: str
    metric: str = "mae"
    metrics: tuple[str, ...] = ()
    against: str = ""
    every: tuple[str, ...] = ()
    remainder: tuple[str, ...] = ()
    entries: dict[Name, Entry] = Field(default_factory=dict)

    @property
    def rows(self) -> Mapping[str, Variant]:
        """The entries by name, in order."""
        return self.entries

    def narrowed(self, only: Collection[str] = (), seeds: Sequence[int] = ()) -> Self:
        """Return a part of the suite.

        Args:
            only: names of entries; none for all.
            seeds: instead of the suite's; none for these.

        Raises:
            UsageError: E002 for an entry that is not there, E001 for a seed that cannot be.
        """
        for name in only:
            if name not in self.entries:
                hint = suggest(name, self.entries, "Choose among these.")
                raise UsageError("E002", f"no entry {name!r} in {self.name}", ", ".join(self.entries), hint)
        entries = {name: entry for name, entry in self.entries.items() if not only or name in only}
        return self.model_copy(update={"entries": entries, "seeds": self.seeds_or(seeds)})


LIBRARY = Library(Path(__file__).parent / "library", Suite, "suite", "See: transmodal benchmark --list.")


def suite_of(name_or_path: str) -> Suite:
    """Load a suite by its name in the library or by the path of a YAML file.

    Raises:
        UsageError: E002 for an unknown name, E001 for a suite that cannot be, E004 for entries that could not stand in
            one table, and as `recipes.load` for a recipe that cannot be.
        InputError: E100 when the file does not exist.
    """
    path = LIBRARY.path_of(name_or_path)
    suite = LIBRARY.read(path)
    suite = suite.model_copy(update={"entries": _entries(suite, path.name)})
    _check(suite)
    return suite


def find_recipes(patterns: Sequence[str]) -> dict[str, str]:
    """Return a recipe of the library for each translator that has one: of the first pattern that matches one.

    Args:
        patterns: of recipes' names, the preferred first.
    """
    by_translator: dict[str, str] = {}
    for pattern in patterns:
        for name in fnmatch.filter(recipes.names(), pattern):
            by_translator.setdefault(recipes.load(name).translator, name)
    return {name: by_translator[name] for name in translators.names() if name in by_translator}


def _entries(suite: Suite, file: str) -> dict[str, Entry]:
    """Return the entries, those of `every` first and those of `remainder` last, each with its recipe.

    Raises:
        UsageError: E001 for a suite without entries, and for an entry without a recipe.
    """
    automatic = find_recipes(suite.every)
    entries = {name: suite.entries.get(name, Entry()) for name in automatic} | suite.entries
    for name, entry in entries.items():
        if not entry.recipe and name not in automatic:
            raise UsageError(
                "E001",
                f"{file}: the entry {name} has no recipe",
                "a recipe, or the name of a translator that `every` finds one for",
                "Add its recipe.",
            )
    entries = {
        name: entry if entry.recipe else entry.model_copy(update={"recipe": automatic[name]})
        for name, entry in entries.items()
    }
    entries |= _remaining(suite.remainder, entries)
    if not entries:
        raise UsageError("E001", f"{file}: no entry", "one or more", "Name some under entries.")
    return entries


def _remaining(patterns: Sequence[str], entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return an entry for each translator that no entry trains and a recipe of the library matches."""
    if not patterns:
        return {}
    trained = {recipes.load(entry.recipe or "").translator for entry in entries.values()}
    return {
        name: Entry(recipe=recipe)
        for name, recipe in find_recipes(patterns).items()
        if name not in trained and name not in entries
    }


def _check(suite: Suite) -> None:
    """Refuse recipes that cannot be, and figures that could not stand in one table, before anything is trained.

    Raises:
        UsageError: E002 for a metric or an entry that is not known, E004 for entries of one target that do not share
            the first source and the region, and as `recipes.load`.
    """
    metrics.check_known([suite.metric, *suite.metrics])
    if suite.against and suite.against not in suite.entries:
        raise UsageError(
            "E002",
            f"{suite.name}: no entry {suite.against!r} to hold the others against",
            ", ".join(suite.entries),
            "Correct against.",
        )
    first: dict[str, tuple[str, tuple[str, str]]] = {}
    for name in suite.entries:
        recipe = suite.resolved(name, suite.seeds[0])
        region = (recipe.task.source[0], recipe.data.region)
        rival, rival_region = first.setdefault(recipe.task.target, (name, region))
        if region != rival_region:
            raise UsageError(
                "E004",
                f"{suite.name}: {rival} sees {rival_region[0]} in the region {rival_region[1]}, "
                f"{name} {region[0]} in {region[1]}",
                f"one first source and one region for all that make {recipe.task.target}",
                "Change task.source or data.region of one of them.",
            )
