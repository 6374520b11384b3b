"""Write docs/reference/series-labels.md from the table that the tests hold the labels to: `python tools/write_series_labels.py`."""

from __future__ import annotations

import csv
from pathlib import Path

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "tests/cohorts/headers/series_labels.csv"
PAGE = ROOT / "docs/reference/series-labels.md"
COLUMNS = {
    "protocol": "protocol",
    "image_type": "ImageType",
    "scanning_sequence": "sequence",
    "variant": "variant",
    "sequence_name": "name",
    "repetition_ms": "TR",
    "echo_ms": "TE",
    "inversion_ms": "TI",
    "agent": "agent",
}
HEAD = """# What MR series are called, and what they are taken for
`prepare dicom` judges an MR series by the parameters of its sequence first and by its description second. Parameters
(ScanningSequence, SequenceVariant, SequenceName, ImageType, TR, TE, TI, ContrastBolusAgent) rule out what it cannot be; words
decide among what is left; where no word names a weighting, parameters decide alone if only one weighting has them.
What stays doubtful is left aside by name, with the reason.

| | taken where | not where |
|---|---|---|
| `t1` | T1, MPRAGE, BRAVO, SPGR, VIBE, THRIVE, T1 FLAIR, MP2RAGE's UNI; TE up to 45 ms (12 ms of gradient echoes) | spin echoes with TR above 1800 ms and no inversion; TI of 1400 ms and more; maps, subtractions, opposed phase |
| `t1ce` | the same with a contrast agent, by header or words (`+C`, `Gd`, `KM`, `post`, `injecté`, `con CIV`) | header and words contradict one another, or the words say both: left aside |
| `t2` | T2 of spin echoes, TE of 50 ms and more, TR of 1000 ms and more | gradient echoes (T2*), STIR, maps |
| `flair` | FLAIR, dark fluid; TIRM and other inversion recoveries with TI of 1400 ms and more | TI of 330 ms and less: STIR; no TI and no word for fluid |
| `pd` | PD, DP, proton density; of a double echo the one with TE up to 45 ms | gradient echoes, TE above 60 ms |

`W/O`, `without`, `pre`, `ohne`, `-frei`, `nativ`, `sans`, `sin`, `C-` negate a contrast agent; `W/O FS` negates something else, and neither
`post fossa` nor `post-op` speaks of an agent. Agents called NONE, NO, N, 0, nein, ohne, aucun are none. A protocol that names no
weighting is the whole examination's, as of GE, and says nothing of one series.

The table below is what the tests hold this to: {n} series in the manner of four vendors; an empty label means left aside.

"""


def rows() -> list[dict[str, str]]:
    """Return the table's rows."""
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def page() -> str:
    """Return the page."""
    table = rows()
    lines = ["| vendor | language | description | header | label |", "|---|---|---|---|---|"]
    for row in table:
        header = ", ".join(f"{short} {row[name]}" for name, short in COLUMNS.items() if row[name])
        cells = (
            row["vendor"],
            row["language"],
            f"`{row['description']}`" if row["description"] else "",
            header,
            row["label"],
        )
        lines.append(
            "| "
            + " | ".join(
                cell.replace("|", "\\|").replace("*", "&#42;") if n == 3 else cell
                for n, cell in enumerate(cells)
            )
            + " |"
        )
    return HEAD.format(n=len(table)) + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
