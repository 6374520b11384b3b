"""Predictions of another program in the words of the command line, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._reading import SeriesReadingWords
from transmodal.commands._words import list_words

if TYPE_CHECKING:
    from transmodal.evaluation.predictions.folder import PredictionFolder
    from transmodal.evaluation.predictions.predicted import Predictions
    from transmodal.evaluation.predictions.reading import ReadingOptions

PANEL = "Volumes that another program made"


@dataclass(frozen=True, slots=True)
class PredictionWords:
    """Folders of volumes that another program made, in the words of the command line.

    Attributes:
        folders: `FOLDER`, `FOLDER=name` or a pattern of files.
        target: modality of the volumes, where no run says it.
        tables: CSV with the columns case and file: `TABLE`, or `NAME=TABLE` for one of several folders.
        allows_missing: score the cases that every folder has a volume of.
        resamples: bring volumes of another grid onto the target's.
        trusts_shape: take volumes without a place as lying upon the target's.
        trusts_values: take values as they are.
        rescale: `SLOPE,INTERCEPT` or `fit`, or `NAME=SLOPE,INTERCEPT` for one of several folders.
        reference: folder of measured volumes to score them against, where there is no cohort.
        masks: folder of their evaluation masks.
        reading: how files are read that leave something open.
    """

    folders: Annotated[
        Sequence[str],
        typer.Option(
            "--predictions",
            metavar="FOLDER[=NAME]",
            help="Volumes of another program, one per case, or a quoted pattern such as 'out/*/sCT.mha'; may be repeated.",
            rich_help_panel=PANEL,
        ),
    ] = ()
    target: Annotated[
        str,
        typer.Option(help="Their modality, such as ct, where no run says it.", rich_help_panel=PANEL),
    ] = ""
    tables: Annotated[
        Sequence[str],
        typer.Option(
            "--match",
            metavar="[NAME=]TABLE",
            help="CSV with the columns case,file, where names do not tell which file is of which case.",
            rich_help_panel=PANEL,
        ),
    ] = ()
    allows_missing: Annotated[
        bool,
        typer.Option(
            "--allow-missing",
            help="Score the cases that every folder has a volume of; the report says how many lack.",
            rich_help_panel=PANEL,
        ),
    ] = False
    resamples: Annotated[
        bool,
        typer.Option(
            "--resample",
            help="Bring volumes of another grid onto the target's; the protocol says so.",
            rich_help_panel=PANEL,
        ),
    ] = False
    trusts_shape: Annotated[
        bool,
        typer.Option(
            "--trust-shape",
            help="Take volumes whose affine was lost as lying voxel upon voxel on the target's file.",
            rich_help_panel=PANEL,
        ),
    ] = False
    trusts_values: Annotated[
        bool,
        typer.Option(
            "--trust-values",
            help="Take values as they are, whatever unit they seem to be in.",
            rich_help_panel=PANEL,
        ),
    ] = False
    rescale: Annotated[
        Sequence[str],
        typer.Option(
            "--rescale",
            metavar="[NAME=]SLOPE,INTERCEPT",
            help="Bring values into the target's unit, such as --rescale=1,-1024; fit takes the best line over all cases, and "
            "the protocol says so.",
            rich_help_panel=PANEL,
        ),
    ] = ()
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="FOLDER",
            help="Measured volumes to score predictions against, where there is no cohort; -o then holds one of them.",
            rich_help_panel=PANEL,
        ),
    ] = None
    masks: Annotated[
        str | None,
        typer.Option(
            "--masks",
            metavar="FOLDER",
            help="Evaluation masks of --reference; by default the body of each reference.",
            rich_help_panel=PANEL,
        ),
    ] = None
    reading: SeriesReadingWords = field(default_factory=SeriesReadingWords)

    def predictions(self) -> Predictions:
        """Return the folders, each with how its volumes are read.

        Raises:
            UsageError: E001 for words that cannot be read, E004 for options without folders, or of a folder that is
                not there.
        """
        from transmodal.evaluation.predictions.predicted import Predictions
        from transmodal.evaluation.predictions.reading import ReadingOptions

        folders = [_parse(words) for words in list_words(self.folders)]
        self._check_options([folder.name for folder in folders])
        base = ReadingOptions(
            self.resamples, self.trusts_shape, self.trusts_values, reading=self.reading.reading()
        )
        return Predictions(
            tuple(
                (
                    replace(folder, table=self._table(folder.name)),
                    self._rescaled(base, folder.name),
                )
                for folder in folders
            ),
            self.allows_missing,
        )

    def _check_options(self, names: Sequence[str]) -> None:
        from transmodal.errors import UsageError

        words = {
            "--match": self.tables,
            "--allow-missing": self.allows_missing,
            "--resample": self.resamples,
            "--trust-shape": self.trusts_shape,
            "--trust-values": self.trusts_values,
            "--rescale": self.rescale,
        }
        if not names and any(words.values()):
            option = next(option for option, word in words.items() if word)
            raise UsageError(
                "E004",
                f"{option} without --predictions",
                "a folder of volumes",
                "Name it: --predictions FOLDER.",
            )
        for option in ("--match", "--rescale"):
            for word in list_words(self.tables if option == "--match" else self.rescale):
                name, equals, _ = word.partition("=")
                if equals and name not in names and not Path(word).exists():
                    raise UsageError(
                        "E004",
                        f"{option} {word}",
                        f"one of {', '.join(names)}",
                        "Name a folder of --predictions.",
                    )

    def _table(self, name: str) -> Path | None:
        word = _own_word(list_words(self.tables), name)
        return Path(word) if word else None

    def _rescaled(self, base: ReadingOptions, name: str) -> ReadingOptions:
        from transmodal.errors import UsageError

        word = _own_word(list_words(self.rescale), name)
        if not word or word == "fit":
            return replace(base, fits=word == "fit")
        try:
            slope, intercept = (float(part) for part in word.split(","))
        except ValueError:
            slope, intercept = 0.0, 0.0
        if slope == 0 or not abs(slope) + abs(intercept) < float("inf"):
            raise UsageError(
                "E001", f"--rescale {word}", "SLOPE,INTERCEPT or fit", "Write it as: --rescale=1,-1024"
            )
        return replace(base, slope=slope, intercept=intercept)


def _own_word(words: Sequence[str], name: str) -> str:
    """Return the word that names this folder, else the one that names none; empty where there is neither."""
    own = [word.removeprefix(f"{name}=") for word in words if word.startswith(f"{name}=")]
    common = [word for word in words if "=" not in word or Path(word).exists()]
    return next(iter([*own, *common]), "")


def _parse(words: str) -> PredictionFolder:
    from transmodal.evaluation.predictions.folder import parse

    return parse(words)
