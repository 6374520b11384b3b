"""A study's figures as a Markdown table: the same lines on a terminal and in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from transmodal.evaluation.drawing.words import DASH, interval, p_value, true_minus
from transmodal.evaluation.statistics.bootstrap import Values
from transmodal.evaluation.statistics.paired_tests import Difference, holm, paired, too_few
from transmodal.experiments.markdown import line, made_at

_TESTED = "mae"
_HEADINGS = {"mae": "MAE", "psnr": "PSNR (dB)", "ssim": "SSIM 3D"}


def rows(content: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table: oracles, then variants with mean and deviation over their seeds.

    Args:
        content: of `ablation.json`.
    """
    metrics = list(content["protocols"])
    first = next(iter(content["variants"]))
    has_own = any(variant.get("against") for variant in content["variants"].values())
    heads = [
        *(_HEADINGS[metric] for metric in metrics),
        "seeds",
        f"difference in {_HEADINGS[_TESTED]}" if has_own else f"{_HEADINGS[_TESTED]} less {first}'s",
        "p (Holm)",
    ]
    lines = [f"| {line(heads)}", f"|---|{'---|' * len(heads)}"]
    for oracle, means in content["oracles"].items():
        lines.append(
            line([f"*{oracle}*", *(_number(metric, means[metric]) for metric in metrics), "-", DASH, DASH])
        )
    tests = _tests(content)
    for name, variant in content["variants"].items():
        for scored, summary in variant["summary"].items():
            cells = [
                f"{_number(metric, summary[metric]['mean'])} ± {_number(metric, summary[metric]['sd'])}"
                for metric in metrics
            ]
            row = [name + scored.removeprefix("run"), *cells, str(len(variant["seeds"]))]
            against = f" to {variant.get('against') or first}" if has_own else ""
            lines.append(line([*row, *_test_cells(tests.get((name, scored)), against)]))
    return lines


class _Test(NamedTuple):
    """A variant against the first one, or that which it names, subject by subject, and its p-value among all variants."""

    difference: Difference
    p_holm: float | None


def _tests(content: Mapping[str, Any]) -> dict[tuple[str, str], _Test]:
    """Return the test of every variant against the first or that which it names, each with and without its missing sources."""
    first, *further = content["variants"]
    differences = {}
    for name in further:
        against = content["variants"][name].get("against") or first
        for scored in content["variants"][name]["summary"]:
            ours, theirs = (_figures(content["variants"][variant], scored) for variant in (name, against))
            if ours is not None and theirs is not None and ours.shape[1] == theirs.shape[1]:
                differences[name, scored] = paired(ours, theirs)
    corrected = holm([difference.p for difference in differences.values()])
    return {
        place: _Test(difference, p)
        for (place, difference), p in zip(differences.items(), corrected, strict=True)
    }


def _figures(variant: Mapping[str, Any], scored: str) -> Values | None:
    """Return the tested metric, `(seeds, subjects)`; None where a seed has no figures per subject."""
    rows = [seed.get("rows", {}).get(scored, {}).get(_TESTED) for seed in variant["seeds"].values()]
    if not rows or any(row is None or set(row) != set(rows[0]) for row in rows):
        return None
    return np.array([[row[case] for case in sorted(rows[0])] for row in rows])


def _test_cells(test: _Test | None, against: str = "") -> list[str]:
    if test is None:
        return [DASH, DASH]
    difference = test.difference

    def write(value: float) -> str:
        return true_minus(_number(_TESTED, value))

    ends = "" if difference.interval is None else f" ({interval(difference.interval, write)})"
    return [f"{write(difference.mean)}{ends}{against}", p_value(test.p_holm)]


def page(content: Mapping[str, Any]) -> str:
    """Return what stands between the marks of a paper's page: the table, its protocol, how it came about."""
    cohort, cases = content["cohort"], content["cohort"]["cases"]
    protocol = "; ".join(f"{_HEADINGS[metric]}: {text}" for metric, text in content["protocols"].items())
    random, first = content["random_weights"], next(iter(content["variants"].values()))
    budget = f" with {', '.join(f'`{change}`' for change in first['changes'])}" if first["changes"] else ""
    lines = [
        *rows(content),
        "",
        f"Virtual subjects of the atlas cohort ({cases['train']} training, {cases['validation']} validation, "
        f"{cases['test']} test; cohort `{cohort['digest'][:12]}`): warps of one average anatomy, so the figures show "
        "what the software does, nothing about a model's clinical worth. Mean over the test subjects, then mean and "
        "standard deviation over the seeds. In italics: oracles that learn no network.",
        "",
        f"Differences are paired by subject, with 95 % intervals by a bootstrap over subjects and seeds; p by the two-sided "
        f"Wilcoxon signed-rank test on means over seeds, corrected for the number of variants by Holm. {_caution(content)}",
        "",
        f"Protocol. {protocol}.",
        "",
        f"`{content.get('command') or 'transmodal ablate ' + content['study']}` makes these figures: recipe "
        f"`{first['recipe']}`{budget}; made{made_at(content['commit'])}. {_length(content)}"
        f"Figures per subject, the variants' changes, and recipes' and weights' SHA-256 stand in "
        f"`docs/results/{content['study']}.json`.",
    ]
    if random:
        lines += ["", f"Random weights: shows the plumbing only ({', '.join(random)})."]
    notes = [
        f"- *{name}*: {variant['note']}" for name, variant in content["variants"].items() if variant["note"]
    ]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _length(content: Mapping[str, Any]) -> str:
    """Return how long trainings were, as a sentence; nothing where the record does not say."""
    seeds = [seed for variant in content["variants"].values() for seed in variant["seeds"].values()]
    steps = sorted({int(seed["steps"]) for seed in seeds if "steps" in seed})
    if not steps:
        return ""
    return f"Each training took {steps[0]}{'' if len(steps) == 1 else f' to {steps[-1]}'} steps. "


def _caution(content: Mapping[str, Any]) -> str:
    """Return what so few subjects cannot tell."""
    n = content["cohort"]["cases"]["test"]
    reason = too_few(n)
    if reason:
        return f"There is {reason}."
    return f"With {n} subjects an uncorrected p cannot fall below {2.0 ** (1 - n):.2g}."


def _number(metric: str, value: float) -> str:
    if metric == "psnr":
        return f"{value:.2f}"
    return f"{value:.3f}" if metric == "ssim" else f"{value:.4g}"
