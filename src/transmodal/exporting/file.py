"""A run as one file that every verb that translates takes in the place of its folder."""

from __future__ import annotations

from pathlib import Path

from transmodal.checkpoint import archive
from transmodal.errors import UsageError
from transmodal.exporting import card
from transmodal.inference.load import checkpoint_folder
from transmodal.storage import regular

PAGES = ("recipe.yaml",)
"""Files of a run that go with its checkpoint and its card, where they are there."""


def write(run: Path, output: Path, checkpoint: str = "best") -> None:
    """Write a run's checkpoint as one file; the same run gives the same bytes.

    Args:
        run: the run's folder.
        output: the file, whose name ends in `.tmz`.
        checkpoint: `best` or `last`.

    Raises:
        UsageError: E004 for a run that is one file already, E005 for another ending.
        InputError: E134 when the folder holds no such checkpoint.
        IntegrityError: E501 or E502 when the checkpoint is damaged.
        ResourceError: E403 when nothing can be written.
    """
    if archive.is_archive(run):
        raise UsageError(
            "E004", f"{run.name}, which is one file already", "a run's folder", f"Copy the file: {run}"
        )
    if output.suffix != archive.ENDING:
        raise UsageError(
            "E005",
            f"output {output.name}",
            f"a name that ends in {archive.ENDING}",
            f"Name it {output.stem or 'model'}{archive.ENDING}.",
        )
    folder = checkpoint_folder(run, checkpoint)
    pages = {name: regular.read_bytes(run / name) for name in PAGES if (run / name).is_file()}
    pages[card.FILE] = card.card_of(run, checkpoint).encode()
    archive.pack(output, folder, pages)
