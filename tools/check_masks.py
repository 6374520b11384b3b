"""Hold brain masks against deepbet's: `python tools/check_masks.py result.json [HEADS]`.

The table of `docs/concepts/masks.md` is written from the result; `--page result.json` only does that. Heads are the embedded T1, which is
an average of real ones, and virtual subjects with their heads, whose true brains are known. deepbet (Fisch et al., 2024; two networks
that were trained on real heads, whose weights lie in its wheel) knows nothing of either. It needs `transmodal[judge]`.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from transmodal.cohorts.simulation.atlas import AtlasOptions, subjects
from transmodal.evaluation.drawing.words import DASH
from transmodal.volumes import Volume, io
from transmodal.volumes.geometry.reorient import reorient
from transmodal.volumes.regions.masks import find_region

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/concepts/masks.md"
EMBEDDED = ROOT / "src/transmodal/volumes/embedded/t1.nii.gz"
BEGIN, END = "<!-- begin judged -->", "<!-- end judged -->"
SEED, SPACING_MM, HEADS = 4711, 1.5, 10
COLUMNS = {
    "ours_deepbet": "ours and deepbet",
    "ours_truth": "ours and the true brain",
    "deepbet_truth": "deepbet and the true brain",
}
Mask = NDArray[np.bool_]
Judge = Callable[[Volume], Mask]


class Head(NamedTuple):
    """A T1 in RAS, and its true brain where it is known."""

    name: str
    volume: Volume
    truth: Mask | None


def heads(number: int) -> Iterator[Head]:
    """Yield the embedded head, then virtual ones."""
    yield Head("embedded T1", reorient(io.read(EMBEDDED)), None)
    options = AtlasOptions(spacing_mm=SPACING_MM, modalities=("t1",), head="always", segmentation=False)
    for subject in subjects(number, options, seed=SEED):
        case = subject.load()
        if case.mask is None:
            raise RuntimeError(f"{case.id} has no mask")
        yield Head(case.id, reorient(case.volumes["t1"]), reorient(case.mask).voxels > 0)


def deepbet() -> Judge:
    """Return deepbet's way from a volume in RAS to a mask, its networks loaded from its wheel."""
    from deepbet import BrainExtraction  # type: ignore[import-not-found, unused-ignore]  # of the extra `judge`

    networks = BrainExtraction(no_gpu=True)

    def find(volume: Volume) -> Mask:
        shares = networks.run_model(volume.voxels.astype(np.float32))
        return np.asarray(networks.postprocess(shares > 0.5) > 0)

    return find


def dice(mask: Mask, other: Mask) -> float:
    """Return twice the voxels of both by those of either."""
    return float(2 * (mask & other).sum() / max(int(mask.sum() + other.sum()), 1))


def measure(head: Head, judge: Judge) -> dict[str, float]:
    """Return how much the masks of a head share, by `COLUMNS`."""
    ours, judged = find_region(head.volume, "brain").mask, judge(head.volume)
    figures = {"ours_deepbet": dice(ours, judged)}
    if head.truth is not None:
        figures |= {"ours_truth": dice(ours, head.truth), "deepbet_truth": dice(judged, head.truth)}
    return {name: round(value, 4) for name, value in figures.items()}


def table(content: Mapping[str, Any]) -> str:
    """Return the table of the page: the embedded head, then the virtual ones together, mean and least."""
    figures: Mapping[str, Mapping[str, float]] = content["heads"]
    virtual = [own for own in figures.values() if len(own) == len(COLUMNS)]
    rows = {name: own for name, own in figures.items() if len(own) < len(COLUMNS)}
    lines = [f"| Dice | {' | '.join(COLUMNS.values())} |", f"|---|{'---|' * len(COLUMNS)}"]
    for name, own in rows.items():
        lines.append(
            f"| {name} | {' | '.join(f'{own[key]:.3f}' if key in own else DASH for key in COLUMNS)} |"
        )
    together = [[own[key] for own in virtual] for key in COLUMNS]
    cells = [f"{np.mean(values):.3f} (least {min(values):.3f})" for values in together]
    lines.append(
        f"| {len(virtual)} virtual heads, T1 at {content['spacing_mm']:g} mm | {' | '.join(cells)} |"
    )
    return "\n".join(lines)


def write_page(content: Mapping[str, Any]) -> None:
    """Put the table between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(content)}\n{END}{after}", encoding="utf-8")


def main(words: list[str]) -> None:
    """Measure and write, or write the page alone."""
    if words[0] == "--page":
        write_page(json.loads(Path(words[1]).read_text(encoding="utf-8")))
        return
    judge = deepbet()
    content = {
        "judge": f"deepbet {importlib.metadata.version('deepbet')}",
        "seed": SEED,
        "spacing_mm": SPACING_MM,
        "heads": {
            head.name: measure(head, judge) for head in heads(int(words[1]) if len(words) > 1 else HEADS)
        },
    }
    Path(words[0]).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    write_page(content)


if __name__ == "__main__":
    main(sys.argv[1:])
