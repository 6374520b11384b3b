"""Examine the installation."""

from __future__ import annotations

from typing import Annotated

import typer

from transmodal.commands._completing import recipe_names

EXAMPLES = (
    "Examples:\n\ntransmodal doctor\n\n"
    "transmodal doctor mrnet-synthrad2023          (also whether the recipe's weights are there)\n\n"
    "transmodal doctor --json"
)

_BROKEN = 4
"""Exit status where something is broken that is needed."""

RecipeName = Annotated[
    str | None,
    typer.Argument(
        metavar="[RECIPE]",
        help="Recipe, by name or as a file, whose pretrained weights are looked at too.",
        autocompletion=recipe_names,
    ),
]


def run(
    recipe: RecipeName = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object instead: every finding, and whether all is well."),
    ] = False,
) -> None:
    """Say what is installed and what is missing: versions, devices, codecs, extras, viewer, plugins, weights, places.

    What is optional and absent is said with what brings it. Exit status 4 where something is broken that is needed.
    """
    import json

    from transmodal.commands._examination import examine

    findings = examine(recipe)
    is_well = all(finding.state != "broken" for finding in findings)
    if as_json:
        print(
            json.dumps(
                {"is_well": is_well, "findings": [finding._asdict() for finding in findings]}, indent=1
            )
        )
    else:
        topic = ""
        for finding in findings:
            if finding.topic != topic:
                topic = finding.topic
                print(topic)
            mark = "" if finding.state == "fine" else f"{finding.state}: "
            advice = f" -> {finding.remedy}" if finding.remedy else ""
            print(f"  {finding.name:18}{mark}{finding.text}{advice}")
        print("All that is needed works." if is_well else "Something that is needed is broken; see above.")
    if not is_well:
        raise typer.Exit(_BROKEN)
