"""List the recipes, or show one."""

from __future__ import annotations

from typing import Annotated

import typer

EXAMPLES = "Example:  transmodal recipes t1-to-fa-small > mine.yaml"


def run(
    name: Annotated[str | None, typer.Argument(help="Recipe to show as YAML, defaults included.")] = None,
) -> None:
    """List the recipes that come with transmodal, or show one whole."""
    from transmodal.recipes import load

    if name is not None:
        print(load.dump(load.load(name)), end="")
        return
    for one in load.names():
        recipe = load.load(one)
        print(f"{one:32} {' + '.join(recipe.task.source)} -> {recipe.task.target}   {recipe.translator}")
