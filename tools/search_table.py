"""A search of a small recipe's settings as a Markdown table, for the page of its translator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transmodal.evaluation.score import unit_of
from transmodal.recipes import load as recipes

METRICS = ("mae", "psnr", "ssim")


def marks(recipe: str) -> tuple[str, str]:
    """Return the lines between which the table of a recipe's search stands."""
    return f"<!-- search {recipe}:begin -->", f"<!-- search {recipe}:end -->"


def table(content: Mapping[str, Any]) -> str:
    """Return the table of a search, how it came about, and what it chose.

    Args:
        content: of `docs/results/searches/RECIPE.json`.
    """
    unit = unit_of(recipes.load(content["recipe"]).task.target)
    lines = [
        f"| | steps | MAE ({unit}) | PSNR (dB) | SSIM 3D | test: MAE | PSNR (dB) | SSIM 3D |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, candidate in content["candidates"].items():
        shown = f"**{name}**" if name == content["chosen"] else name
        test = candidate.get("test")
        lines.append(_row(shown, str(candidate["steps"]), candidate["validation"], test))
    for name, validation in content["oracles"]["validation"].items():
        lines.append(_row(f"*{name}*", "-", validation, content["oracles"]["test"][name]))
    cases = content["cohort"]["cases"]
    changes = content["candidates"][content["chosen"]]["changes"]
    made_by = f" at commit `{content['commit'][:12]}`" if content["commit"] else ""
    lines += [
        "",
        f"Search of `{content['recipe']}`{made_by}: {cases['train']} training, {cases['validation']} validation and "
        f"{cases['test']} test subjects of the atlas cohort (virtual; `{content['cohort']['digest'][:12]}`), seed "
        f"{content['seed']}, one thread per training. Means over subjects inside the evaluation mask, in 3D. The smallest "
        "MAE of the validation subjects chose; test subjects were looked at for that one and for the recipe as it was. In "
        "italics: oracles that learn no network.",
        "",
        f"**{content['chosen']}**: {', '.join(f'`{change}`' for change in changes)}. `python tools/search_recipes.py` makes "
        f"these figures; all changes and hashes stand in `docs/results/searches/{content['recipe']}.json`.",
    ]
    return "\n".join(lines)


def _row(name: str, steps: str, validation: Mapping[str, float], test: Mapping[str, float] | None) -> str:
    own = [_number(metric, validation[metric]) for metric in METRICS]
    tested = ["" if test is None else _number(metric, test[metric]) for metric in METRICS]
    return f"| {name} | {steps} | {' | '.join([*own, *tested])} |"


def _number(metric: str, value: float) -> str:
    if metric == "psnr":
        return f"{value:.2f}"
    return f"{value:.3f}" if metric == "ssim" else f"{value:.4g}"
