"""The three acts of the verb `reader`: a session is made, read by one reader, and scored."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from transmodal.commands.reader import ReaderMakeWords
from transmodal.errors import UsageError, suggest
from transmodal.experiments.reader.selection import ReaderRequest
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
    from transmodal.cohorts.store import Cohort
    from transmodal.commands._progress import bars
    from transmodal.experiments.reader.make import make_session

    making, key = words.making, words.key or default_key(folder)
    if making.cohort is None:
        raise UsageError(
            "E001", "reader make without --cohort", "the cohort whose cases are shown", "Name it: --cohort."
        )
    request = _request(words)
    with bars() as progress:
        outcome = make_session(request, Cohort.open(making.cohort), folder, key, progress.advance)
    print(f"Session: {folder} ({len(outcome.session.items)} items)\nKey: {key}")
    print("\n".join(outcome.notes))
    print(
        "Keep the key away from readers until all have read. "
        f"Read it: transmodal reader read {folder} --name NAME"
    )


def read(folder: Path, words: ReaderWords) -> None:
    """Serve a session to one reader until Ctrl-C."""
    import webbrowser

    from transmodal.experiments.reader.answers import open_answers
    from transmodal.experiments.reader.reading_page import serve_reader
    from transmodal.experiments.reader.session import read_session

    if not words.name:
        raise UsageError(
            "E001", "reader read without --name", "the reader's name or mark", "Name it: --name."
        )
    session = read_session(folder)
    with open_answers(folder, session, words.name) as answers:
        print(
            f"{words.name}: {len(answers.answers)} of {len(answers.order)} answered",
            file=sys.stderr,
            flush=True,
        )
        with serve_reader(folder, session, answers) as server:
            print(server.address, flush=True)
            print("for this machine alone, until Ctrl-C; every answer is stored at once", file=sys.stderr)
            if not words.no_browser:
                webbrowser.open(server.address)
            server.serve()
        print(f"{words.name}: {len(answers.answers)} of {len(answers.order)} answered", file=sys.stderr)


def score(folder: Path, words: ReaderWords) -> None:
    """Score a session and show its tables."""
    from transmodal.experiments.reader.score import score_session
    from transmodal.experiments.study import markdown

    record = score_session(folder, words.key or default_key(folder), words.output).record
    print(markdown.tables(record))
    print("\n" + "\n".join([*record.findings, *record.notes]))
    if words.output is not None:
        print(f"\nPage: {words.output / 'study.html'}\nFigures: {words.output / 'study.json'}")


def default_key(folder: Path) -> Path:
    """Return where the key of a session lies unless another place is named: beside its folder."""
    place = folder.resolve()
    return folder.parent / f"{place.name}.key.json"


def _request(words: ReaderWords) -> ReaderRequest:
    from transmodal.evaluation.predictions.reading import ReadingOptions
    from transmodal.experiments.reader.lesions import lesion_source
    from transmodal.experiments.reader.pictures import PictureStyle

    making = words.making
    return ReaderRequest(
        systems=words.systems,
        target=making.target,
        split=making.split,
        questions=_questions(making.questions),
        n_cases=making.cases,
        n_slices=making.slices,
        pairs=making.pairs,
        repeats=making.repeats,
        lesions=lesion_source(_labels(making.lesion_labels), making.subjects),
        style=PictureStyle(making.plane, _window(making.window), making.outside),
        reading=ReadingOptions(resamples=making.resample, trusts_shape=making.trust_shape),
        seed=making.seed,
    )


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
