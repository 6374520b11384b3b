"""A study's table says what was measured."""

from __future__ import annotations

from typing import Any

from transmodal.evaluation.drawing.words import DASH
from transmodal.experiments.ablation.table import page, rows

CONTENT: dict[str, Any] = {
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
    assert lines[0] == "| | MAE | PSNR (dB) | SSIM 3D | seeds | MAE less whole's | p (Holm) |"
    assert lines[2] == f"| *lookup* | 0.07 | 19.00 | 0.700 | - | {DASH} | {DASH} |"
    assert lines[3] == f"| whole | 0.05 ± 0.001 | 0.05 ± 0.00 | 0.050 ± 0.001 | 2 | {DASH} | {DASH} |"
    assert lines[4].startswith("| whole without t2 | 0.06 ± 0.002 |")
    text = page(CONTENT)
    assert "Random weights: shows the plumbing only (vgg)." in text
    assert "- *less*: a note" in text
    assert "2 training, 1 validation, 2 test" in text
    assert "MAE: in FA" in text
    assert (
        "`transmodal ablate tiny` makes these figures: recipe `tiny-small` with `training.epochs=1`;" in text
    )
    assert "; made at commit `cccccccccccc`" in text
    assert "Each training" not in text
    asked = page({**CONTENT, "command": "transmodal ablate tiny --seeds 1,2"})
    assert "`transmodal ablate tiny --seeds 1,2` makes these figures" in asked


def test_the_table_says_how_long_trainings_were() -> None:
    def seeds(*steps: int) -> dict[str, Any]:
        return {"seeds": {str(seed): {"steps": n} for seed, n in enumerate(steps)}, "summary": {}, "note": ""}

    def told(**variants: dict[str, Any]) -> str:
        first = CONTENT["variants"]["whole"]
        return page({**CONTENT, "variants": {name: first | variant for name, variant in variants.items()}})

    assert "Each training took 40 steps." in told(whole=seeds(40, 40), less=seeds(40))
    assert "Each training took 20 to 40 steps." in told(whole=seeds(40, 40), less=seeds(20))


def test_variants_are_tested_against_the_first_subject_by_subject() -> None:
    def variant(offset: float, n: int, seeds: int = 2) -> dict[str, Any]:
        cases = {f"case{case}": 0.1 + 0.01 * case + offset * (1 + 0.1 * case) for case in range(n)}
        return {
            "recipe": "tiny-small",
            "changes": [],
            "note": "",
            "seeds": {str(seed): {"rows": {"run": {"mae": cases}}} for seed in range(seeds)},
            "summary": {"run": {name: {"mean": 0.1, "sd": 0.0} for name in ("mae", "psnr", "ssim")}},
        }

    content = {
        **CONTENT,
        "variants": {"whole": variant(0, 6), "worse": variant(0.02, 6), "same": variant(0, 6)},
    }
    worse, same = rows(content)[4:6]
    assert "| 0.025 (" in worse
    assert worse.endswith("| 0.062 |")  # 2 / 2^6, of two tests
    assert same.endswith("| 0 (0 to 0) | 1.000 |")
    few = {**CONTENT, "variants": {"whole": variant(0, 2), "worse": variant(0.02, 2)}}
    assert rows(few)[4].endswith(f"| 0.021 | {DASH} |")
    assert "6 are needed" in page(few)
    many = {**content, "cohort": {"digest": "a" * 64, "cases": {"train": 2, "validation": 1, "test": 6}}}
    assert "cannot fall below 0.031" in page(many)


def test_a_variant_may_be_tested_against_another_than_the_first() -> None:
    def variant(error: float, against: str = "") -> dict[str, Any]:
        cases = {f"case{case}": error * (1 + 0.1 * case) for case in range(6)}
        return CONTENT["variants"]["whole"] | {
            "seeds": {"1": {"rows": {"run": {"mae": cases}}}},
            "summary": {"run": {name: {"mean": 0.1, "sd": 0.0} for name in ("mae", "psnr", "ssim")}},
            **({"against": against} if against else {}),
        }

    variants = {"256": variant(0.1), "64": variant(0.3), "64 alone": variant(0.3, "64")}
    lines = rows({**CONTENT, "variants": variants})
    assert "| difference in MAE | p (Holm) |" in lines[0]
    assert "0.25 (" in lines[4]
    assert lines[4].endswith(") to 256 | 0.062 |")
    assert lines[5].endswith("| 0 (0 to 0) to 64 | 1.000 |")


def test_seeds_of_other_subjects_are_not_tested() -> None:
    whole = {
        "seeds": {
            "1": {"rows": {"run": {"mae": {"a": 1.0, "b": 2.0}}}},
            "2": {"rows": {"run": {"mae": {"a": 1.0}}}},
        }
    }
    whole |= CONTENT["variants"]["whole"] | {"seeds": whole["seeds"]}
    assert rows({**CONTENT, "variants": {"whole": whole, "other": whole}})[5].endswith(f"| {DASH} | {DASH} |")
