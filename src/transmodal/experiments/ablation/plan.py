"""Plans of ablations: variants of one recipe, in YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from transmodal.experiments.design import Design, Variant
from transmodal.experiments.library import Library


class AblationVariant(Variant):
    """One way to train, and what it is compared with.

    Attributes:
        against: name of another variant; the first where it is left out.
    """

    against: str = ""


class AblationPlan(Design):
    """Variants of one recipe that are compared.

    Attributes:
        name: of the study.
        paper: translator on whose page its figures stand; the study's name by default.
        recipe: what is trained.
        changes: of the recipe, for all variants.
        seeds: of the trainings.
        without: sources without which the runs are scored once more.
        variants: by name; the first is what the others are compared with, unless they say `against`.
    """

    recipe: str
    paper: str = ""
    without: tuple[str, ...] = ()
    variants: Annotated[dict[str, AblationVariant], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_against(self) -> Self:
        for name, variant in self.variants.items():
            if variant.against and (variant.against == name or variant.against not in self.variants):
                raise ValueError(f"{name} against {variant.against}: name another variant")
        return self

    @property
    def page(self) -> str:
        """Return the name of the page in docs/papers that shows its figures."""
        return self.paper or self.name.replace("-", "_")

    @property
    def rows(self) -> Mapping[str, Variant]:
        """The variants by name, in order."""
        return self.variants

    def recipe_of(self, row: str) -> str:
        """Return the name or path of a variant's recipe."""
        return self.variants[row].recipe or self.recipe

    def changed(self, changes: Sequence[str], seeds: Sequence[int]) -> AblationPlan:
        """Return the plan with other changes of every variant and other seeds.

        Args:
            changes: as `dotted.key=value`, in place of the plan's own of the same key; a variant's own change stays.
            seeds: in place of the plan's; none keeps them.

        Raises:
            UsageError: as `seeds_or`, and as `recipes.load` for changes that cannot be.
        """
        keys = {change.partition("=")[0].strip() for change in changes}
        own = [change for change in self.changes if change.partition("=")[0].strip() not in keys]
        plan = self.model_copy(update={"changes": (*own, *changes), "seeds": self.seeds_or(seeds)})
        for variant in plan.variants:
            plan.resolved(variant, plan.seeds[0])
        return plan


LIBRARY = Library(Path(__file__).parent / "library", AblationPlan, "study", "Or give a .yaml file.")


def plan_of(name_or_path: str) -> AblationPlan:
    """Load a study by its name in the library or by the path of a YAML file.

    Raises:
        UsageError: E002 for an unknown name, E001 for a study that cannot be.
        InputError: E100 when the file does not exist.
    """
    plan = LIBRARY.read(LIBRARY.path_of(name_or_path))
    return plan.changed((), ())  # an unknown key is refused before anything is trained
