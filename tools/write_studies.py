"""Write a page in docs/studies for every study in docs/results/studies, its charts beside it, and their index.

`--check` only compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from transmodal.experiments.study import markdown
from transmodal.experiments.study.record import read
from transmodal.experiments.study.studies import find, names

DOCS = Path(__file__).parents[1] / "docs"
HEAD = (
    "# Studies\n"
    "`transmodal study NAME` asks one question of trained runs: what a translation can know of a person, and what it\n"
    "invents. [How to run one](../how-to/study.md). Figures are of virtual subjects unless a page says otherwise: they show\n"
    "what the methods and the software do, nothing about a model's clinical worth.\n"
)
MADE = (
    "*Virtual subjects, warped from one average anatomy; trainings are short. The page shows what the study asks and how it\n"
    "answers, and nothing about a model's clinical worth. [How cohort and runs were made](../how-to/study.md#how-the-pages-were-made).*"
)
_MARK = "**How to read it.**"


def with_origin(page: str) -> str:
    """Return a page that says before it is read what its figures are of."""
    before, mark, after = page.partition(_MARK)
    return f"{before}{MADE}\n\n{mark}{after}"


def wanted() -> dict[Path, str]:
    """Return the text of every page and chart, by its path."""
    folder = DOCS / "studies"
    pages = {}
    lines = ["| study | question | first finding |", "|---|---|---|"]
    for name in names():
        result = DOCS / "results" / "studies" / f"{name}.json"
        study = find(name)
        if not result.is_file():
            lines.append(f"| {name} | {study.about} | no figures yet: `transmodal study {name}` |")
            continue
        record = read(result)
        pages[folder / f"{name}.md"] = with_origin(markdown.page(record))
        pages |= {folder / chart: text for chart, text in markdown.charts(record).items()}
        lines.append(
            f"| [{name}]({name}.md) | {study.about} | {record.findings[0] if record.findings else ''} |"
        )
    pages[folder / "index.md"] = HEAD + "\n" + "\n".join(lines) + "\n"
    return pages


def stale(pages: dict[Path, str]) -> list[Path]:
    """Return the files that are not what they should be, and those that no study writes."""
    odd = [path for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
    written = [*(DOCS / "studies").glob("*.md"), *(DOCS / "studies").glob("*.svg")]
    return odd + [path for path in written if path not in pages]


def main() -> None:
    """Write, or say which files differ."""
    pages = wanted()
    odd = stale(pages)
    if odd and "--check" in sys.argv:
        shown = ", ".join(path.name for path in odd)
        raise SystemExit(f"docs and studies disagree: {shown}. Run: python tools/write_studies.py")
    for path in odd:
        if path in pages:
            path.write_text(pages[path], encoding="utf-8")
        else:
            path.unlink()


if __name__ == "__main__":
    main()
