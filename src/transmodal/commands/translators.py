"""List the translators."""

from __future__ import annotations

from typing import Annotated

import typer

EXAMPLES = "Examples:\n\ntransmodal translators\n\ntransmodal translators --json"


def run(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a list of objects instead of a table.")
    ] = False,
) -> None:
    """List the translators that recipes can name: their papers, and their size at the papers' settings.

    Parameters and operations are counted for one channel in and out unless the paper says otherwise, on a slice of
    256 x 256; no weights are read.
    """
    import json
    import sys

    from transmodal import plugins, translators
    from transmodal.errors import ResourceError
    from transmodal.translators._facts import TranslatorFacts, facts

    records, faults = [], plugins.faults("translators", translators.own_names())
    for name in translators.names():
        try:
            records.append(facts(name))
        except ResourceError as error:  # of a plugin; the others are listed all the same
            faults.append(str(error))
    for fault in faults:
        print(f"Not usable: {fault}", file=sys.stderr)
    if as_json:
        print(json.dumps([record.to_json() for record in records], indent=1))
        return

    def row(record: TranslatorFacts) -> tuple[str, ...]:
        counts = (record.generator_parameters, record.trainable_parameters, record.frozen_parameters)
        millions = tuple(f"{count / 1e6:.2f} M" if count else "-" for count in counts)
        return (
            record.name,
            record.pairing,
            ", ".join(record.needs),
            *millions,
            f"{record.gflop_per_slice:.1f}",
            f"{record.paper} [{record.distribution}]" if record.distribution else record.paper,
        )

    head = ("translator", "pairing", "needs", "generator", "trainable", "frozen", "GFLOP/slice", "paper")
    table = [head, *map(row, records)]
    widths = [max(len(line[column]) for line in table) for column in range(len(head) - 1)]
    for name, pairing, needs, *numbers, paper in table:
        words = [text.ljust(width) for text, width in zip((name, pairing, needs), widths, strict=False)]
        right = [text.rjust(width) for text, width in zip(numbers, widths[3:], strict=True)]
        print("  ".join([*words, *right, paper]))
