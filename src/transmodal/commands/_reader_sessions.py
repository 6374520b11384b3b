"""The three acts of the verb `reader`: a session is made, read by one reader, and scored."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from transmodal.commands import _readers
from transmodal.commands._words import in_shell
from transmodal.commands.reader import ReaderMakeWords
from transmodal.errors import UsageError, suggest
from transmodal.experiments.reader.session import QUESTIONS, QuestionName


class ReaderWords(NamedTuple):
    """The words of the command line behind an act and a session's folder."""

    systems: tuple[str, ...]
    making: ReaderMakeWords
    key: Path | None
    name: str
    no_browser: bool
    output: Path | None


_TAKES = {
    "make": {"systems", "making", "key"},
    "read": {"name", "no_browser"},
    "score": {"key", "output"},
}


def refuse_idle(action: str, words: ReaderWords) -> None:
    """Refuse words that an act has no use for.

    Raises:
        UsageError: E004.
    """
    idle = ReaderWords((), ReaderMakeWords(), None, "", False, None)
    for field in ReaderWords._fields:
        if field in _TAKES[action] or getattr(words, field) == getattr(idle, field):
            continue
        own = getattr(words, field)
        option = (
            next(
                option.name
                for option in fields(ReaderMakeWords)
                if getattr(own, option.name) != getattr(idle.making, option.name)
            )
            if field == "making"
            else field
        )
        word = own[0] if field == "systems" else f"--{option.replace('_', '-')}"
        raise UsageError(
            "E004",
            f"{word} for reader {action}",
            f"what transmodal reader --help shows of {action}",
            "Leave it out.",
        )


def make(folder: Path, words: ReaderWords) -> None:
    """Make a session and say where it and its key are."""
    from transmodal.commands._progress import bars

    making, key = words.making, words.key or _readers.default_key(folder)
    if making.cohort is None:
        raise UsageError(
            "E001", "reader make without --cohort", "the cohort whose cases are shown", "Name it: --cohort."
        )
    questions, labels, window = (
        _questions(making.questions),
        _labels(making.lesion_labels),
        _window(making.window),
    )
    with bars() as progress:
        outcome = _readers.make(
            folder,
            words.systems,
            making.cohort,
            key=key,
            target=making.target,
            split=making.split,
            questions=questions,
            cases=making.cases,
            slices=making.slices,
            plane=making.plane,
            pairs=making.pairs,
            repeats=making.repeats,
            lesion_labels=labels,
            subjects=making.subjects,
            window=window,
            outside=making.outside,
            resample=making.resample,
            trust_shape=making.trust_shape,
            seed=making.seed,
            progress=progress.advance,
        )
    print(f"Session: {folder} ({len(outcome.session.items)} items)\nKey: {key}")
    print("\n".join(outcome.notes))
    print(
        "Keep the key away from readers until all have read. "
        f"Read it: transmodal reader read {in_shell(folder)} --name NAME"
    )


def read(folder: Path, words: ReaderWords) -> None:
    """Serve a session to one reader until Ctrl-C."""
    if not words.name:
        raise UsageError(
            "E001", "reader read without --name", "the reader's name or mark", "Name it: --name."
        )
    _readers.read(folder, words.name, browser=not words.no_browser)


def score(folder: Path, words: ReaderWords) -> None:
    """Score a session and show its tables."""
    from transmodal.experiments.study import markdown

    record = _readers.score(folder, key=words.key, output=words.output).record
    print(markdown.tables(record))
    print("\n" + "\n".join([*record.findings, *record.notes]))
    if words.output is not None:
        print(f"\nPage: {words.output / 'study.html'}\nFigures: {words.output / 'study.json'}")


def _questions(text: str) -> tuple[QuestionName, ...]:
    names = [name.strip() for name in text.split(",")]
    odd = next((name for name in names if name not in QUESTIONS), None)
    if odd is not None:
        raise UsageError(
            "E001",
            f"--questions {text}",
            f"some of {', '.join(QUESTIONS)}",
            suggest(odd, QUESTIONS, "Name them with commas between."),
        )
    return tuple(name for name in QUESTIONS if name in names)


def _labels(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(",")) if text else ()
    except ValueError as error:
        raise UsageError("E001", f"--lesion-labels {text}", "numbers such as 1,2,3", "Correct it.") from error


def _window(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        low, high = (float(word) for word in text.split(","))
    except ValueError as error:
        raise UsageError("E001", f"--window {text}", "two numbers such as -160,240", "Correct it.") from error
    if not -1e9 < low < high < 1e9:
        raise UsageError("E001", f"--window {text}", "the lower one first", "Correct it.")
    return low, high
