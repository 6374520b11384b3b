"""Tables as Markdown and LaTeX: cells in, text out; what a cell holds cannot break the table."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence

_LATEX = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "\N{MINUS SIGN}": "$-$",
        "\N{EN DASH}": r"\textendash{}",
        "\N{INFINITY}": r"$\infty$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "<": "$<$",
        ">": "$>$",
    }
)


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, the first column to the left, the others to the right.

    Args:
        headings: of the columns.
        rows: cells, in Markdown already where they are marked up; `piped` escapes text.
    """
    lines = [
        f"| {' | '.join(escape_markdown(heading) for heading in headings)} |",
        f"|---|{'---:|' * (len(headings) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines)


def latex_table(
    caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]], rules: Collection[int] = ()
) -> str:
    """Return a table for the package booktabs.

    Args:
        caption: plain text.
        headings: plain text, of the columns.
        rows: cells, in LaTeX already; `tex` escapes text.
        rules: numbers of the rows that stand below a line of their own.
    """
    body: list[str] = []
    for n, row in enumerate(rows):
        body += [r"\midrule"] * (n in rules)
        body.append(" & ".join(row) + r" \\")
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape_latex(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}",
            r"\toprule",
            " & ".join(escape_latex(heading) for heading in headings) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def csv_table(rows: Sequence[dict[str, object]]) -> str:
    """Return records of the same fields as CSV, with a heading."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def interval_fields(name: str, ends: Sequence[float] | None) -> dict[str, object]:
    """Return the two fields of an interval in a CSV table; both empty where there is no interval."""
    low, high = ends or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def escape_markdown(text: str) -> str:
    """Escape text for a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def escape_latex(text: str) -> str:
    """Escape text for LaTeX."""
    return text.translate(_LATEX).replace("--", "-{}-")
