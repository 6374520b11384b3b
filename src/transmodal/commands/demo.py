"""The demo: from the embedded atlas to a report, in one command."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples:\n\ntransmodal demo\n\ntransmodal demo --task mr-to-ct -o mr-to-ct\n\n"
    "transmodal demo --task t1-t2-to-pd --translator agi_net --translator unet_regression"
)


class DemoTask(StrEnum):
    """The tasks of the demo; targets other than FA are simulated."""

    T1_TO_FA = "t1-to-fa"
    T1_TO_T2 = "t1-to-t2"
    MR_TO_CT = "mr-to-ct"
    FLAIR_TO_T2 = "flair-to-t2"
    T1_TO_FLAIR = "t1-to-flair"
    T1_T2_TO_PD = "t1-t2-to-pd"
    MR_TO_COLOUR = "mr-to-colour"


def run(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to write into, or to continue.")
    ] = Path("demo"),
    task: Annotated[DemoTask, typer.Option(help="What to translate.")] = DemoTask.T1_TO_FA,
    translator: Annotated[
        list[str] | None,
        typer.Option(help="Translators to train; may be repeated. Default: unet_regression and pix2pix."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a key of the recipes, such as training.epochs=2."),
    ] = None,
    subjects: Annotated[str, typer.Option(help="Virtual subjects to train:validate:test.")] = "16:2:4",
    spacing_mm: Annotated[float, typer.Option(min=1, max=8, help="Spacing of the subjects, mm.")] = 2.0,
    seed: Annotated[int, typer.Option(help="Seed of the subjects and of the split.")] = 2024,
    workers: Annotated[int, typer.Option(min=1, help="Processes that make the subjects.")] = 2,
) -> None:
    """Make virtual subjects from the embedded atlas, train, translate, evaluate and report: 6.4 minutes on two idle cores.

    T1 and FA are real group averages, warped for every subject; other contrasts are simulated.
    Run it again and it goes on from where it stopped.
    """
    from transmodal.commands._progress import bars
    from transmodal.commands._words import in_shell
    from transmodal.experiments.demo import DemoOptions, run_demo

    start = time.perf_counter()
    translators = tuple(dict.fromkeys(translator or ["unet_regression", "pix2pix"]))
    counts = read_counts(subjects)
    options = DemoOptions(task.value, translators, tuple(changes or ()), counts, spacing_mm, seed, workers)
    with bars() as progress:
        result = run_demo(output / task.value, options, progress)
    print(result.summary)
    print(f"Report:   {result.report}")
    if result.cohort_page is not None:
        print(f"Cohort:   {result.cohort_page} shows every pair")
    print(f"Example:  {result.example} holds sources and what was made of them")
    paths = {name: in_shell(path) for name, path in result.sources.items()}
    words = paths.values() if len(paths) == 1 else [f"{name}={path}" for name, path in paths.items()]
    print(f"Try it:   transmodal translate {in_shell(result.run)} {' '.join(words)} -o synthetic.nii.gz")
    print(f"Took {(time.perf_counter() - start) / 60:.1f} minutes.")


def read_counts(text: str) -> tuple[int, int, int]:
    """Read counts such as `16:2:4`.

    Raises:
        UsageError: E001 where they are no numbers, or not three.
    """
    from transmodal.errors import UsageError

    try:
        counts = [int(part) for part in text.split(":")]
    except ValueError as error:
        raise UsageError("E001", f"counts {text!r}", "numbers such as 16:2:4", "Correct them.") from error
    if len(counts) != 3:
        raise UsageError("E001", "--subjects", "three counts such as 16:2:4", "Correct it.")
    return counts[0], counts[1], counts[2]
