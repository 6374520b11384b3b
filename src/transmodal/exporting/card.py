"""The model card, `MODEL_CARD.md`: data, training, figures, limits, licences and intended use of a run, from its records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from transmodal import checkpoint
from transmodal.checkpoint import Checkpoint, archive, manifest
from transmodal.checkpoint.manifest import MANIFEST
from transmodal.errors import TransmodalError
from transmodal.exporting import card_text
from transmodal.inference.load import checkpoint_folder
from transmodal.storage import files, regular

FILE = "MODEL_CARD.md"
MARK = (
    "<!-- Written by transmodal from the run's records, and written again by train, evaluate and export. -->"
)
"""Last line of a card that is written from records; one without it is a user's own, and stays as it is."""


class CardEvaluation(NamedTuple):
    """An evaluation that lies in a run's folder.

    Attributes:
        folder: its name.
        content: of its `evaluation.json`.
    """

    folder: str
    content: Mapping[str, Any]


def write(run: Path) -> Path:
    """Write a run's card, unless a user's own is there; return its place.

    Raises:
        InputError: E134 when the folder holds no checkpoint.
        IntegrityError: E501 or E502 when the manifest is damaged.
        ResourceError: E403 when nothing can be written.
    """
    copy(run, run / FILE)
    return run / FILE


def copy(run: Path, output: Path, name: str = "best") -> None:
    """Write the card of a run, or of the file that it was exported as, to another place.

    Raises:
        TransmodalError: as `card_of`, and E403 when nothing can be written.
    """
    text = card_of(run, name)
    with files.atomic_path(output) as beside:
        beside.write_text(text, encoding="utf-8")


def card_of(run: Path, name: str = "best") -> str:
    """Return the card of a run: a user's own where there is one, else what its records say.

    Args:
        run: its folder, or the file that it was exported as.
        name: of the checkpoint, `best` or `last`.

    Raises:
        TransmodalError: as `write`, and as `archive.read` for a file.
    """
    if archive.is_archive(run):
        packed = archive.read(run)
        own = packed.member(FILE)
        return own.decode("utf-8") if own else _from_records(archive.load(packed), [], {})
    if (run / FILE).is_file():
        text = regular.read_text(run / FILE)
        if not text.rstrip().endswith(MARK):
            return text
    folder = checkpoint_folder(run, name)
    content = manifest.unseal(folder / MANIFEST)
    saved = manifest.from_json(content, folder, {}, {})
    return _from_records(saved, list(_evaluations(run)), _starting(run))


def _from_records(saved: Checkpoint, evaluations: list[CardEvaluation], starting: Mapping[str, Any]) -> str:
    figures = [(evaluation.folder, evaluation.content) for evaluation in evaluations]
    return f"{card_text.write(saved, figures, starting)}\n{MARK}\n"


def _evaluations(run: Path) -> Iterator[CardEvaluation]:
    """Yield the evaluations in a run's folder; one that cannot be read says nothing."""
    for path in sorted(run.glob("evaluation*/evaluation.json")):
        try:
            yield CardEvaluation(path.parent.name, files.read_json(path))
        except TransmodalError:
            continue


def _starting(run: Path) -> Mapping[str, Any]:
    """Return what the run's record says of the weights that training started from."""
    try:
        plan = files.read_json(run / "run.json").get("plan", {})
    except TransmodalError:
        return {}
    starting = plan.get("starting_weights", {}) if isinstance(plan, dict) else {}
    return starting if isinstance(starting, dict) else {}


def refresh(run: Path) -> None:
    """Write the card of a run that has a checkpoint; say nothing where there is none, or where it cannot be written."""
    if checkpoint.peek(run / "checkpoints" / "best") or checkpoint.peek(run / "checkpoints" / "last"):
        write(run)
