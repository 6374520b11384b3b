"""Draw the README's picture from a finished demo: `python tools/draw_demo.py demo/t1-to-fa`."""

from __future__ import annotations

import sys
from pathlib import Path

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.drawing.figures import picture
from transmodal.evaluation.participants import ModelTranslator
from transmodal.inference.load import load


def main(folder: Path) -> None:
    """Write docs/images/demo.png: the first test subject of `unet_regression`."""
    model = load(folder / "runs/unet_regression")
    case = Cohort.open(folder / "cohort").cases("test")[0]
    made = ModelTranslator("unet_regression", model).translate_case(case)
    sources = {name: case.volume(name) for name in model.preprocessing.sources}
    target = case.volume(model.preprocessing.target)
    image = picture(sources, made, target, modality=model.preprocessing.target, mask=case.mask(), height=320)
    (Path(__file__).parent.parent / "docs/images/demo.png").write_bytes(image)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
