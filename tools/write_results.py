"""Write the table of every study in docs/results into the page of its paper; `--check` only compares."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from transmodal.studies.table import page

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- ablation:begin -->", "<!-- ablation:end -->"


def page_of(result: Path) -> Path:
    """Return the page that a study's figures belong to."""
    return DOCS / "papers" / f"{result.stem.replace('-', '_')}.md"


def with_table(text: str, table: str) -> str:
    """Return a page's text with the table between the marks."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise SystemExit(f"no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main() -> None:
    """Write, or say which pages differ."""
    stale = []
    for result in sorted((DOCS / "results").glob("*.json")):
        path = page_of(result)
        text = path.read_text(encoding="utf-8")
        wanted = with_table(text, page(json.loads(result.read_text(encoding="utf-8"))))
        if wanted != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(wanted, encoding="utf-8")
    if stale and "--check" in sys.argv:
        raise SystemExit(f"docs and figures disagree: {', '.join(stale)}. Run: python tools/write_results.py")


if __name__ == "__main__":
    main()
