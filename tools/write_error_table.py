"""Write docs/reference/errors.md from the codes in the package: `python tools/write_error_table.py`."""

from __future__ import annotations

from pathlib import Path

from transmodal.errors import CODES

HEAD = """# Errors
An error is one line on standard error, `error[CODE]: what was got; what was expected. What to do.`, and a non-zero exit
status. Nothing half-written stays behind.

| codes | exit status | kind |
|---|---|---|
| E0.. | 2 | usage: the call, a recipe, a name |
| E1.. | 3 | input: a file, a folder, a cohort |
| E4.. | 4 | resources: memory, disk, device, permission |
| E5.. | 5 | integrity: content does not match its record |
| E6.. | 6 | a bug in transmodal |

| code | means |
|---|---|
"""


def table() -> str:
    """Return the page."""
    return HEAD + "".join(f"| {code} | {meaning} |\n" for code, meaning in CODES.items())


if __name__ == "__main__":
    (Path(__file__).parent.parent / "docs/reference/errors.md").write_text(table(), encoding="utf-8")
