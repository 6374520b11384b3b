"""A study's figures as a Markdown table: the same lines on a terminal and in the docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transmodal.experiments.markdown import line, made_at

_HEADINGS = {"mae": "MAE", "psnr": "PSNR (dB)", "ssim": "SSIM 3D"}


def rows(content: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table: oracles, then variants with mean and deviation over their seeds.

    Args:
        content: of `ablation.json`.
    """
    metrics = list(content["protocols"])
    lines = [
        f"| {line([*(_HEADINGS[metric] for metric in metrics), 'seeds'])}",
        f"|---|{'---|' * len(metrics)}---|",
    ]
    for oracle, means in content["oracles"].items():
        lines.append(line([f"*{oracle}*", *(_number(metric, means[metric]) for metric in metrics), "-"]))
    for name, variant in content["variants"].items():
        for scored, summary in variant["summary"].items():
            cells = [
                f"{_number(metric, summary[metric]['mean'])} ± {_number(metric, summary[metric]['sd'])}"
                for metric in metrics
            ]
            lines.append(line([name + scored.removeprefix("run"), *cells, str(len(variant["seeds"]))]))
    return lines


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
        f"Protocol. {protocol}.",
        "",
        f"`transmodal ablate {content['study']}` makes these figures: recipe `{first['recipe']}`{budget}; "
        f"made{made_at(content['commit'])}. "
        f"Figures per subject, the variants' changes, and recipes' and weights' SHA-256 stand in "
        f"`docs/results/{content['study']}.json`.",
    ]
    if random:
        lines += ["", f"Random weights: shows the plumbing only ({', '.join(random)})."]
    notes = [
        f"- *{name}*: {variant['note']}" for name, variant in content["variants"].items() if variant["note"]
    ]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _number(metric: str, value: float) -> str:
    if metric == "psnr":
        return f"{value:.2f}"
    return f"{value:.3f}" if metric == "ssim" else f"{value:.4g}"
