"""List the recipes, or show one."""

from __future__ import annotations

from typing import Annotated

import typer

from transmodal.commands._completing import recipe_names

EXAMPLES = "Examples:\n\ntransmodal recipes t1-to-fa-small > mine.yaml\n\ntransmodal recipes --json"


def run(
    name: Annotated[
        str | None,
        typer.Argument(help="Recipe to show as YAML, defaults included.", autocompletion=recipe_names),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """List the recipes that come with transmodal, or show one whole."""
    import json

    from transmodal.recipes import load

    if name is not None:
        recipe = load.load(name)
        print(json.dumps(recipe.model_dump(mode="json"), indent=1) if as_json else load.dump(recipe).rstrip())
        return
    library = {recipe_name: load.load(recipe_name) for recipe_name in load.names()}
    if as_json:
        facts = {
            recipe_name: {
                "translator": recipe.translator,
                "source": list(recipe.task.source),
                "target": recipe.task.target,
                "paper": recipe.paper,
            }
            for recipe_name, recipe in library.items()
        }
        print(json.dumps({"recipes": facts}, indent=1))
        return
    for recipe_name, recipe in library.items():
        task = recipe.task
        print(f"{recipe_name:32} {' + '.join(task.source)} -> {task.target}   {recipe.translator}")
