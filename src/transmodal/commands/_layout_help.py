"""`prepare LAYOUT --help`: what a layout expects on the disk and its keys, behind the options of the verb."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from typer import _click


class LayoutCommand(TyperCommand):
    """A command whose help tells of the layout that its line names."""

    def parse_args(self, ctx: _click.Context, args: list[str]) -> list[str]:
        """Parse the words of the line; they are kept for the help, which is asked for while they are parsed."""
        ctx.meta[__name__] = tuple(args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: _click.Context, formatter: _click.HelpFormatter) -> None:
        """Print the verb's help, and then what is said of the layout."""
        from transmodal.cohorts import layouts

        super().format_help(ctx, formatter)
        named = next((word for word in ctx.meta.get(__name__, ()) if layouts.is_layout(word)), None)
        if named is not None:
            typer.echo(layouts.described(named))
