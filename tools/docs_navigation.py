"""A hook of mkdocs: pages that the navigation does not name stand at the end of their folder's section.

In a section of groups they stand in the one group that has their folder to itself, or else in a group of their own, the last.
So a new paper, layout, how-to or package is a page in its folder and no line in a list. The table of papers is made of what the
papers' pages say of themselves in their front matter (`paper`, `kind`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

PAPERS = "<!-- papers -->"
UNGROUPED = "More"


def on_config(config: dict[str, Any]) -> dict[str, Any]:
    """Complete the navigation before the site is built."""
    config["nav"] = complete(config["nav"], Path(config["docs_dir"]))
    return config


def on_page_markdown(markdown: str, **event: Any) -> str:  # noqa: ANN401 - what mkdocs hands over
    """Write the table of papers where a page asks for it."""
    return (
        markdown.replace(PAPERS, table(Path(event["config"]["docs_dir"]) / "papers"))
        if PAPERS in markdown
        else markdown
    )


def complete(navigation: list[Any], docs: Path) -> list[Any]:
    """Return the navigation with every page of the docs: one that is not named joins its folder's section."""
    named = set(re.findall(r"[\w/-]+\.md", yaml.safe_dump(navigation)))
    pages = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    return [_section(entry, [page for page in pages if page not in named]) for entry in navigation]


def _section(entry: Any, pages: list[str]) -> Any:  # noqa: ANN401 - a page, or a section by its title
    if not isinstance(entry, dict):
        return entry
    title, content = next(iter(entry.items()))
    if not isinstance(content, list):
        return entry
    further = [page for page in pages if Path(page).parent in _folders(content)]
    groups = [
        part for part in content if isinstance(part, dict) and isinstance(next(iter(part.values())), list)
    ]
    if not groups:
        return {title: [*content, *further]}
    own = {folder for part in groups if len(folders := _folders(part)) == 1 for folder in folders}
    own -= {folder for part in content if part not in groups for folder in _folders(part)}
    counts = [folder for part in groups for folder in _folders(part)]
    alone = {folder for folder in own if counts.count(folder) == 1}
    rest = [page for page in further if Path(page).parent not in alone]
    parts = [
        _section(part, [page for page in further if Path(page).parent in alone]) if part in groups else part
        for part in content
    ]
    return {title: [*parts, *([{UNGROUPED: rest}] if rest else [])]}


def _folders(content: Any) -> set[Path]:  # noqa: ANN401 - a part of the navigation
    """Return the folders of the pages that a part of the navigation names."""
    return {Path(page).parent for page in re.findall(r"[\w/-]+\.md", yaml.safe_dump(content))}


def table(folder: Path) -> str:
    """Return the table of papers by what their pages say in their front matter."""
    lines = ["| translator | paper | kind |", "|---|---|---|"]
    for page in sorted(folder.glob("*.md")):
        if page.stem != "index":
            facts = front_matter(page)
            lines.append(f"| [{page.stem}]({page.name}) | {facts['paper']} | {facts['kind']} |")
    return "\n".join(lines)


def front_matter(page: Path) -> dict[str, str]:
    """Return what a page says of itself between the two lines of dashes at its head."""
    _, text, _ = page.read_text(encoding="utf-8").split("---\n", 2)
    facts: dict[str, str] = yaml.safe_load(text)
    return facts
