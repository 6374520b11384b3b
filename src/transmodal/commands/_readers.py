"""The room `transmodal.reader` of Python: a blinded session is made, read by one reader, and scored.

transmodal.reader.make("session", "runs/unet", "cohort")
transmodal.reader.read("session", "anna")
scored = transmodal.reader.score("session", output="results")
"""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transmodal.commands._words import Words, folders_by_name, path_of
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.experiments.reader.answers import open_answers
from transmodal.experiments.reader.lesions import lesion_source
from transmodal.experiments.reader.make import MadeSession, make_session
from transmodal.experiments.reader.pictures import PictureStyle
from transmodal.experiments.reader.reading_page import serve_reader
from transmodal.experiments.reader.score import ScoredSession, score_session
from transmodal.experiments.reader.selection import ReaderRequest
from transmodal.experiments.reader.session import QuestionName, read_session
from transmodal.progress import StageProgress

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort

__all__ = ["make", "read", "score"]


def make(
    session: str | Path,
    systems: Words,
    cohort: str | Path | Cohort,
    *,
    key: str | Path | None = None,
    target: str = "",
    split: Literal["train", "validation", "test", "all"] = "test",
    questions: Sequence[QuestionName] = ("origin", "preference"),
    cases: int = 0,
    slices: int = 1,
    plane: Literal["axial", "coronal", "sagittal"] = "axial",
    pairs: Literal["all", "systems", "real"] = "all",
    repeats: float = 0.2,
    lesion_labels: Sequence[int] = (),
    subjects: str | Path | None = None,
    window: tuple[float, float] | None = None,
    outside: bool = False,
    resample: bool = False,
    trust_shape: bool = False,
    seed: int | None = None,
    progress: StageProgress | None = None,
) -> MadeSession:
    """Make a session: pictures without names in a folder that readers get, and a key that they do not.

    Args:
        session: folder to write.
        systems: evaluations or evaluated runs that kept their volumes (`save_volumes`), or folders of predictions;
            `FOLDER=name`, or a mapping of folders by name, names them.
        cohort: prepared cohort whose cases are shown.
        key: file that says which picture is which; beside the folder by default.
        target: modality that is shown; empty takes the one of the cohort that can be meant.
        split: side of the cohort's split.
        questions: of `origin`, `lesion` and `preference`.
        cases: at most so many, drawn; 0 takes all.
        slices: of every case.
        plane: that slices lie in.
        pairs: comparisons of every two, of systems with one another, or of each with the real picture.
        repeats: share of items that are shown once more, 0 to 0.33.
        lesion_labels: labels of the segmentation that are lesion.
        subjects: folder of virtual subjects, whose `case.json` says where lesions were planted.
        window: values from black to white, of all pictures.
        outside: show what lies outside the evaluation mask too.
        resample: bring predictions of another grid onto the target's; it smooths them, which readers may see.
        trust_shape: take predictions that have no place in space as lying upon the target's file.
        seed: same seed, same session; None lets nobody work the order out.
        progress: told how far it is.

    Returns:
        The session, its key, and remarks for who made it.

    Raises:
        UsageError: E001, E004, E005 for words and places that do not do.
        InputError: E130, E132 for volumes that do not fit, or that no case has of every system.
    """
    from transmodal.commands._evaluation_words import open_cohort

    request = ReaderRequest(
        systems=tuple(folders_by_name(systems)),
        target=target,
        split=split,
        questions=tuple(questions),
        n_cases=cases,
        n_slices=slices,
        pairs=pairs,
        repeats=repeats,
        lesions=lesion_source(lesion_labels, path_of(subjects)),
        style=PictureStyle(plane, window, outside),
        reading=ReadingOptions(resamples=resample, trusts_shape=trust_shape),
        seed=seed,
    )
    folder = Path(session)
    return make_session(request, open_cohort(cohort), folder, path_of(key) or default_key(folder), progress)


def read(
    session: str | Path,
    name: str,
    *,
    browser: bool = True,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve a session to one reader on this machine until Ctrl-C; every answer is stored at once.

    Args:
        session: folder of the session.
        name: name or mark of the reader, who goes on where they stopped.
        browser: open the page in the browser.
        announce: called with the address once the page is served; by default it is printed.

    Raises:
        UsageError: E001 for a name that is none.
        InputError, IntegrityError: as `session.read_session` and `answers.open_answers`.
    """
    folder = Path(session)
    content = read_session(folder)
    with open_answers(folder, content, name) as answers:

        def say_progress() -> None:
            n_answers, n_items = len(answers.answers), len(answers.order)
            print(f"{name}: {n_answers} of {n_items} answered", file=sys.stderr, flush=True)

        say_progress()
        with serve_reader(folder, content, answers) as server:
            (announce or _announce)(server.address)
            if browser:
                webbrowser.open(server.address)
            server.serve()
        say_progress()


def score(
    session: str | Path, *, key: str | Path | None = None, output: str | Path | None = None
) -> ScoredSession:
    """Count the answers of all readers of a session.

    Args:
        session: folder of the session.
        key: file that says which picture is which; beside the folder by default.
        output: folder of page, record and tables; None writes nothing.

    Returns:
        The record, and every answer beside the truth.

    Raises:
        InputError: E132 where nobody has answered.
        IntegrityError: E501 where session, key and answers are not of one another.
        UsageError, ResourceError: E005 and E403 where nothing can be written.
    """
    folder = Path(session)
    return score_session(folder, path_of(key) or default_key(folder), path_of(output))


def default_key(folder: Path) -> Path:
    """Return where the key of a session lies unless another place is named: beside its folder."""
    return folder.parent / f"{folder.resolve().name}.key.json"


def _announce(address: str) -> None:
    print(address, flush=True)
    print("for this machine alone, until Ctrl-C; every answer is stored at once", file=sys.stderr)
