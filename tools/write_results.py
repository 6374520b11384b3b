"""Write the table of every study and search in docs/results into the page of its paper, and benchmarks into results.md.

`--check` only compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import search_table

from transmodal.experiments.ablation.plan import plan_of
from transmodal.experiments.ablation.table import page
from transmodal.experiments.benchmark import table as benchmarks
from transmodal.recipes import load as recipes

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- ablation:begin -->", "<!-- ablation:end -->"
BENCHMARKS = ("<!-- benchmarks:begin -->", "<!-- benchmarks:end -->")
NO_BENCHMARK = "No benchmark has been run yet."


def page_of(study: str) -> Path:
    """Return the page that an ablation's figures belong to."""
    return DOCS / "papers" / f"{plan_of(study).page}.md"


def marks_of(study: str) -> tuple[str, str]:
    """Return the marks between which an ablation's figures stand: a paper's further ones are called by their names."""
    name = study if plan_of(study).paper else "ablation"
    return BEGIN.replace("ablation", name), END.replace("ablation", name)


def with_table(text: str, table: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """Return a page's text with the table between the marks."""
    begin, end = marks
    before, _, rest = text.partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise SystemExit(f"no {begin} and {end}")
    return f"{before}{begin}\n{table}\n{end}{after}"


def wanted() -> dict[Path, str]:
    """Return what every page that shows figures has to say, by its path."""
    pages = {}
    for result in sorted((DOCS / "results").glob("*.json")):
        path = page_of(result.stem)
        text = pages.get(path) or path.read_text(encoding="utf-8")
        pages[path] = with_table(text, page(read(result)), marks_of(result.stem))
    for result in sorted((DOCS / "results" / "searches").glob("*.json")):
        content = read(result)
        path = DOCS / "papers" / f"{recipes.load(content['recipe']).translator}.md"
        text = pages.get(path) or path.read_text(encoding="utf-8")
        marks = search_table.marks(content["recipe"])
        pages[path] = with_table(text, search_table.table(content), marks)
    found = sorted((DOCS / "results" / "benchmarks").glob("*.json"))
    tables = "\n\n".join(benchmarks.page(read(result)) for result in found) or NO_BENCHMARK
    path = DOCS / "results.md"
    pages[path] = with_table(path.read_text(encoding="utf-8"), tables, BENCHMARKS)
    return pages


def read(result: Path) -> dict[str, Any]:
    """Return the content of a JSON file."""
    content: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return content


def main() -> None:
    """Write, or say which pages differ."""
    stale = {path: text for path, text in wanted().items() if path.read_text(encoding="utf-8") != text}
    if stale and "--check" in sys.argv:
        names = ", ".join(path.name for path in stale)
        raise SystemExit(f"docs and figures disagree: {names}. Run: python tools/write_results.py")
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
