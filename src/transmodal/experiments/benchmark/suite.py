"""Suites: which translators are trained, by which recipes and seeds, with what budget."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from transmodal import translators
from transmodal.errors import InputError, UsageError, suggest
from transmodal.experiments.benchmark import metrics
from transmodal.recipes import load as recipes
from transmodal.recipes.schema import Recipe

LIBRARY = Path(__file__).parent / "library"
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Statistics = Literal["batch_statistics", "running"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Part):
    """One row of the table.

    Attributes:
        recipe: name in the library or path; empty where the suite's `every` finds it by the translator's name.
        changes: of the recipe, as `dotted.key=value`, after the suite's.
        note: what a reader has to know of it.
        also: what batch normalisation takes instead of what the recipe says, in rows of their own: the same
            trainings, translated once more.
    """

    recipe: str = ""
    changes: tuple[str, ...] = ()
    note: str = ""
    also: tuple[Statistics, ...] = ()


class Suite(_Part):
    """What is compared.

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
        entries: by name, in order.
    """

    name: Name
    about: str
    budget: str
    cohort: str
    metric: str = "mae"
    metrics: tuple[str, ...] = ()
    against: str = ""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (1, 2, 3)
    changes: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    entries: dict[Name, Entry] = {}

    def resolved(self, entry: str, seed: int) -> Recipe:
        """Return the recipe of one training."""
        one = self.entries[entry]
        return recipes.load(one.recipe, [*self.changes, *one.changes, f"training.seed={seed}"])

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
        if min(seeds, default=0) < 0 or len(set(seeds)) < len(seeds):
            raise UsageError("E001", f"seeds {list(seeds)}", "different numbers from 0 on", "Correct them.")
        chosen = {name: one for name, one in self.entries.items() if not only or name in only}
        return self.model_copy(update={"entries": chosen, "seeds": tuple(seeds) or self.seeds})


def names() -> list[str]:
    """List the suites that come with the package."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def suite_of(name_or_path: str) -> Suite:
    """Load a suite by its name in the library or by the path of a YAML file.

    Raises:
        UsageError: E002 for an unknown name, E001 for a suite that cannot be, E004 for entries that could not stand in
            one table, and as `recipes.load` for a recipe that cannot be.
        InputError: E100 when the file does not exist.
    """
    is_file = name_or_path.endswith((".yaml", ".yml"))
    if not is_file and name_or_path not in names():
        hint = suggest(name_or_path, names(), "See: transmodal benchmark --list.")
        raise UsageError("E002", f"no suite {name_or_path!r}", ", ".join(names()), hint)
    path = Path(name_or_path) if is_file else LIBRARY / f"{name_or_path}.yaml"
    if not path.is_file():
        raise InputError("E100", f"{path} does not exist", "a suite in YAML", "Check the path.")
    try:
        read = Suite.model_validate(recipes.plain_yaml(path.read_text(encoding="utf-8"), path.name))
    except (ValidationError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError("E001", f"{path.name}: {reason}", "a suite", "Correct it.") from error
    suite = read.model_copy(update={"entries": _entries(read, path.name)})
    _check(suite)
    return suite


def found(patterns: Sequence[str]) -> dict[str, str]:
    """Return a recipe of the library for each translator that has one: of the first pattern that matches one.

    Args:
        patterns: of recipes' names, the preferred first.
    """
    by_translator: dict[str, str] = {}
    for pattern in patterns:
        for name in fnmatch.filter(recipes.names(), pattern):
            by_translator.setdefault(recipes.load(name).translator, name)
    return {name: by_translator[name] for name in translators.names() if name in by_translator}


def _entries(suite: Suite, where: str) -> dict[str, Entry]:
    """Return the entries, those that are found among them, each with its recipe."""
    automatic = found(suite.every)
    entries = {name: suite.entries.get(name, Entry()) for name in automatic} | suite.entries
    if not entries:
        raise UsageError("E001", f"{where}: no entry", "one or more", "Name some under entries.")
    for name, one in entries.items():
        if not one.recipe and name not in automatic:
            raise UsageError(
                "E001",
                f"{where}: the entry {name} has no recipe",
                "a recipe, or the name of a translator that `every` finds one for",
                "Add its recipe.",
            )
    return {
        name: one if one.recipe else one.model_copy(update={"recipe": automatic[name]})
        for name, one in entries.items()
    }


def _check(suite: Suite) -> None:
    """Refuse recipes that cannot be, and figures that could not stand in one table, before anything is trained."""
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
        own = (recipe.task.source[0], recipe.data.region)
        other, theirs = first.setdefault(recipe.task.target, (name, own))
        if own != theirs:
            raise UsageError(
                "E004",
                f"{suite.name}: {other} sees {theirs[0]} in the region {theirs[1]}, {name} {own[0]} in {own[1]}",
                f"one first source and one region for all that make {recipe.task.target}",
                "Change task.source or data.region of one of them.",
            )
