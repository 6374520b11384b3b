"""The goals of speed, one by one: the figures of the record that each is held against, and what no figure says yet."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """A row of the record by its name, and what the goal asks of it: a ratio at least, or milliseconds below."""

    row: str
    bound: float
    is_time: bool = False


class Goal(NamedTuple):
    """A goal; `words` say what no figure does, and make its state where it has none."""

    point: str
    text: str
    figures: tuple[Figure, ...] = ()
    words: str = ""


class Measured(NamedTuple):
    """The figures of a row: its ratio, and milliseconds where they are known."""

    ratio: float
    ours_ms: float | None


def _ratios(bound: float, *rows: str) -> tuple[Figure, ...]:
    return tuple(Figure(row, bound) for row in rows)


GOALS = (
    Goal(
        "benchmarks",
        "each runs our path and the named peer's in one process, interleaved; this page is made of them",
        words="met",
    ),
    Goal(
        "translation, float32",
        "2.5x the plain slice loop, within 1e-5 of the range of torch",
        _ratios(
            2.5,
            "translate: unet_256, openvino",
            "translate: Macro2Micro, openvino",
            "translate: ResViT, openvino",
        ),
        "what every operation at the rate of products of matrices would give stands below as that of the limit; ResViT by openvino is "
        "refused: its random weights magnify rounding, so that torch itself differs by about 1.5e-5 of the range between two layouts in memory",
    ),
    Goal(
        "translation, int8",
        "6x the plain slice loop",
        _ratios(6, "translate: unet_256, int8", "translate: Macro2Micro, int8", "translate: ResViT, int8"),
    ),
    Goal(
        "translation, int8, loss",
        "of a trained run, under 0.1 dB, 2 HU in soft tissue, 10 HU in bone; refused otherwise",
        words="met: `transmodal quantize` measures them on the run's validation subjects and writes nothing beyond",
    ),
    Goal(
        "translation, cutting",
        "windows outside of the region are skipped, slices cropped to it where the network lets them",
        words="skipped; not cropped, since networks that normalise over a slice would give other values",
    ),
    Goal(
        "brain mask",
        "a 1 mm head in under 1 s on one thread, Dice with the thorough way at least 0.98",
        (Figure("brain: thorough", 1000, is_time=True),),
        "Dice: see the notes; where the time is above, it is by less than the machine varies",
    ),
    Goal(
        "training, plain loop",
        "no slower at a batch of 1 and 4",
        _ratios(1, "training: pix2pix, batch 1", "training: pix2pix, batch 4"),
        "1.2 is aimed at; what falls short has the limit",
    ),
    Goal(
        "training, loader",
        "20x MONAI's CacheDataset, 3x torchio's Queue with 1, 2 and 4 workers",
        (
            Figure("windows: MONAI CacheDataset", 20),
            *_ratios(3, *(f"windows: torchio Queue, {count} workers" for count in (1, 2, 4))),
        ),
    ),
    Goal(
        "metrics, MS-SSIM",
        "2x pytorch-msssim",
        _ratios(2, "metrics: MS-SSIM, pytorch-msssim", "metrics: MS-SSIM of slices, pytorch-msssim"),
    ),
    Goal(
        "metrics, SSIM in 3D",
        "4x scikit-image, 30x MONAI",
        (Figure("ssim: 3d", 4), Figure("metrics: SSIM in 3D, MONAI", 30)),
    ),
    Goal(
        "metrics, evaluation",
        "of 180 cases bound by reading, which then is half of the time or more; LPIPS and FID in batches",
        _ratios(0.5, "evaluation: predictions, reading", "evaluation: a run and three oracles, reading"),
        "a case costs what it costs beside 179 others: see cases; networks take eight slices at a time",
    ),
    Goal(
        "frozen features",
        "a step with stored features 5x the step that computes SAM at 1024",
        _ratios(5, "features: mrnet, SAM at 1024"),
    ),
    Goal(
        "frozen features, stores",
        "effect of pooled and 8-bit stores on the translation; reading from a cold disk at the speed of the network",
        _ratios(1, "stores: cold reading, window by window", "stores: cold opening, whole and hashed"),
        "the notes have the effects, of random weights: SAM's trained ones were not at hand; the network is this processor's",
    ),
    Goal(
        "Macro2Micro",
        "2.5x its plain loop on a CPU; latency per device",
        _ratios(2.5, "translate: Macro2Micro, openvino", "translate: Macro2Micro, int8"),
        "int8 is the other arithmetic; the paper's 10 ms are a card's, and none was at hand",
    ),
    Goal(
        "scale, cost per case",
        "flat within 10 % from 100 to 1,000 cases",
        _ratios(
            0.9,
            "scale: open a cohort",
            "scale: write tables and report",
            *(
                f"cases: {verb}"
                for verb in ("prepare", "train, an epoch", "translate", "evaluate", "benchmark")
            ),
        ),
    ),
    Goal(
        "scale, memory",
        "its peak flat within 10 % from 100 to 1,000 cases",
        _ratios(
            0.9,
            *(
                f"cases: memory, {verb}"
                for verb in ("prepare", "train, an epoch", "translate", "evaluate", "benchmark")
            ),
        ),
    ),
    Goal(
        "scale, opening",
        "10,000 cases in under 100 ms",
        (Figure("scale: open a cohort, 10,000 cases", 100, is_time=True),),
    ),
    Goal(
        "start, help",
        "`transmodal --help` under 0.2 s of the processor",
        (Figure("start: transmodal --help", 200, is_time=True),),
        "it was 0.25 s when every verb was imported; side by side, 0.19 s became 0.13 without rich's Markdown and tracebacks",
    ),
    Goal(
        "start, translate",
        "under 3 s to the first window of a small run",
        (Figure("start: first window of translate, 1 mm head", 3000, is_time=True),),
        "the notes tell the mask, which comes before it, from the remainder",
    ),
    Goal(
        "accelerator",
        "one command under ten minutes; MRNet's whole training under an hour on one H200",
        words="not measured: no card was at hand, so that every figure about one is an estimate; the command runs on the "
        "CPU with tiny networks wherever the benchmarks' smoke run does",
    ),
)


def table(record: Mapping[str, Measured]) -> Iterator[str]:
    """Yield the lines of the table of goals.

    Args:
        record: rows by benchmark and name, `loading: get_fdata`.
    """
    yield "| what | goal | figure | state |"
    yield "|---|---|---|---|"
    for goal in GOALS:
        figures = ", ".join(_figure(figure, record) for figure in goal.figures) or "-"
        yield f"| {goal.point} | {goal.text} | {figures} | {'; '.join(_states(goal, record))} |"


def _figure(figure: Figure, record: Mapping[str, Measured]) -> str:
    value = _value(figure, record)
    if value is None:
        return "-"
    return f"{value:.4g} ms" if figure.is_time else f"{value:g}"


def _value(figure: Figure, record: Mapping[str, Measured]) -> float | None:
    measured = record.get(figure.row)
    return None if measured is None else measured.ours_ms if figure.is_time else measured.ratio


def _states(goal: Goal, record: Mapping[str, Measured]) -> Sequence[str]:
    """Return whether a goal is met, and what its words add."""
    if not goal.figures:
        return [goal.words]
    values = {figure: _value(figure, record) for figure in goal.figures}
    missing = [figure.row for figure, value in values.items() if value is None]
    short = [
        figure.row
        for figure, value in values.items()
        if value is not None and not _holds(figure)(value, figure.bound)
    ]
    states = [f"**not met**: {', '.join(short)}"] if short else []
    states += [f"not in the record: {', '.join(missing)}"] if missing else []
    return [*(states or ["met"]), *([goal.words] if goal.words else [])]


def _holds(figure: Figure) -> Callable[[float, float], bool]:
    return operator.lt if figure.is_time else operator.ge
