"""A study's table says what was measured."""

from __future__ import annotations

from transmodal.experiments.ablation.table import page, rows

CONTENT = {
    "study": "tiny",
    "cohort": {"digest": "a" * 64, "cases": {"train": 2, "validation": 1, "test": 2}},
    "protocols": {"mae": "in FA", "psnr": "data range 1", "ssim": "3D"},
    "random_weights": ["vgg"],
    "commit": "c" * 40,
    "oracles": {"lookup": {"mae": 0.07, "psnr": 19.0, "ssim": 0.7}},
    "variants": {
        "whole": {
            "recipe": "tiny-small",
            "changes": ["training.epochs=1"],
            "note": "",
            "seeds": {"1": {}, "2": {}},
            "summary": {
                "run": {name: {"mean": 0.05, "sd": 0.001} for name in ("mae", "psnr", "ssim")},
                "run without t2": {name: {"mean": 0.06, "sd": 0.002} for name in ("mae", "psnr", "ssim")},
            },
        },
        "less": {"note": "a note", "seeds": {"1": {}}, "summary": {}},
    },
}


def test_the_table_says_what_was_measured() -> None:
    lines = rows(CONTENT)
    assert lines[0] == "| | MAE | PSNR (dB) | SSIM 3D | seeds |"
    assert lines[2] == "| *lookup* | 0.07 | 19.00 | 0.700 | - |"
    assert lines[3] == "| whole | 0.05 ± 0.001 | 0.05 ± 0.00 | 0.050 ± 0.001 | 2 |"
    assert lines[4].startswith("| whole without t2 | 0.06 ± 0.002 |")
    text = page(CONTENT)
    assert "Random weights: shows the plumbing only (vgg)." in text
    assert "- *less*: a note" in text
    assert "2 training, 1 validation, 2 test" in text
    assert "MAE: in FA" in text
    assert "recipe `tiny-small` with `training.epochs=1`; made at commit `cccccccccccc`" in text
