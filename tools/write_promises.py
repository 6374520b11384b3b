"""Write docs/promises.md from the table of promises and what was measured.

python tools/write_promises.py            # writes
python tools/write_promises.py --check    # only compares
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from promises.page import PAGE, page, read_sections  # the tests have to be on the path


def main() -> None:
    """Write, or say that the page differs."""
    text = page(read_sections())
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        raise SystemExit("docs/promises.md and its figures disagree. Run: python tools/write_promises.py")


if __name__ == "__main__":
    main()
