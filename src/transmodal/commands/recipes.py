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
    if as_json:
        listed = {one: load.load(one) for one in load.names()}
        shown = {
            one: {
                "translator": recipe.translator,
                "source": list(recipe.task.source),
                "target": recipe.task.target,
                "paper": recipe.paper,
            }
            for one, recipe in listed.items()
        }
        print(json.dumps({"recipes": shown}, indent=1))
        return
    for one in load.names():
        recipe = load.load(one)
        print(f"{one:32} {' + '.join(recipe.task.source)} -> {recipe.task.target}   {recipe.translator}")
