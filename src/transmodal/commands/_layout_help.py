"""`prepare --help` lists the layouts, and `prepare LAYOUT --help` shows one, behind the options of the verb."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from typer import _click

_WIDTH = 100
_LAYOUT_HELP = "`transmodal prepare NAME --help` shows what a layout expects on the disk, and its keys."


class LayoutCommand(TyperCommand):
    """A command whose help tells of the layout that its line names, or lists them all."""

    def parse_args(self, ctx: _click.Context, args: list[str]) -> list[str]:
        """Parse the words of the line; they are kept for the help, which is asked for while they are parsed."""
        ctx.meta[__name__] = tuple(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: _click.Context, formatter: _click.HelpFormatter) -> None:
        """Print the verb's help, and then the layout's, or one line for each layout."""
        from transmodal.cohorts import layouts

        super().format_help(ctx, formatter)
        layout = next((word for word in ctx.meta.get(__name__, ()) if layouts.is_layout(word)), None)
        typer.echo(_listing(layouts.summaries()) if layout is None else layouts.describe(layout))


def _listing(summaries: dict[str, str]) -> str:
    from transmodal import plugins
    from transmodal.cohorts import layouts

    indent = max(map(len, summaries), default=0) + 4
    lines = ["Layouts, each of them with its own help:", ""]
    for name, summary in summaries.items():
        start = f"  {name}".ljust(indent)
        lines += textwrap.wrap(summary, _WIDTH, initial_indent=start, subsequent_indent=" " * indent)
    refused = [f"Not usable: {fault}" for fault in plugins.faults("layouts", layouts.own_names())]
    return "\n".join([*lines, *refused, "", _LAYOUT_HELP])
