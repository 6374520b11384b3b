"""Write docs/performance.md from the record of what the benchmarks measured.

python tools/write_performance.py            # writes
python tools/write_performance.py --check    # only compares
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.page import PAGE, page, read_record, write_page  # the repository has to be on the path


def main() -> None:
    """Write, or say that the page differs."""
    if "--check" not in sys.argv:
        write_page()
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page(read_record()):
        raise SystemExit(
            "docs/performance.md and its record disagree. Run: python tools/write_performance.py"
        )


if __name__ == "__main__":
    main()
