"""List the models that come with the package, or show the card of one."""

from __future__ import annotations

from typing import Annotated

import typer

from transmodal.commands._completing import model_names

EXAMPLES = (
    "Examples:\n\ntransmodal models\n\n"
    "transmodal models t1-to-fa-demo          (its card: data, figures, limits, licences)\n\n"
    "transmodal models --json"
)


def run(
    name: Annotated[
        str | None, typer.Argument(help="Model to show the card of.", autocompletion=model_names)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print records of where models come from instead, as JSON.")
    ] = False,
) -> None:
    """List the models that come with transmodal, or show the card of one.

    Their names stand wherever a trained run is translated with: translate, view, publish, evaluate, export, serve.
    """
    import json

    from transmodal.models import library
    from transmodal.notice import INTENDED_USE

    if name is not None:
        record = library.read_record(name)
        print(json.dumps(record, indent=1) if as_json else library.read_card(name).rstrip())
        return
    records = [library.read_record(listed) for listed in library.names()]
    if as_json:
        print(json.dumps({"models": records}, indent=1))
        return
    for record in records:
        task = f"{' + '.join(record['source'])} -> {record['target']}"
        print(f"{record['name']:24} {task:16} {record['bytes'] / 1e6:.1f} MB   {record['trained_on']}")
    print(INTENDED_USE)
