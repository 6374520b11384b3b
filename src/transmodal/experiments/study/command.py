"""The command that makes a study's record again, in words without the places where its files lie."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from transmodal.experiments.study.entrants import Words

_OF_A_RUN = 2  # parts of a run's path that name it: the folder, and the one above, which names its recipe


class StudyCall(NamedTuple):
    """All that decides the content of a record.

    Attributes:
        study: its name.
        words: runs and recipes.
        cohort: folder of the cohort.
        output: folder of the study.
        split: side of the cohort's split.
        beside: further files and folders, by option; None where there is none.
        seeds: of the trainings; empty where nothing is trained.
        changes: of recipes that are trained, as `dotted.key=value`.
        options: of the study, as `key=value`.
        device: that was asked for; None where it was left open.
    """

    study: str
    words: Words
    cohort: Path
    output: Path
    split: str
    beside: dict[str, Path | None]
    seeds: Sequence[int]
    changes: Sequence[str]
    options: Sequence[str]
    device: str | None

    def command(self) -> str:
        """Return the command, quoted for a shell.

        Of paths it keeps names alone, two parts of a run's. Given in a folder that holds these files, it makes the
        same record.
        """
        named = {"--cohort": self.cohort, **self.beside}
        words = [
            *("transmodal", "study", self.study),
            *(str(Path(*run.absolute().parts[-_OF_A_RUN:])) for run in self.words.runs),
            *(Path(recipe).name for recipe in self.words.recipes),
            *(part for option, path in named.items() if path for part in (option, path.absolute().name)),
            *("--split", self.split),
            *(("--seeds", ",".join(map(str, self.seeds))) if self.seeds else ()),
            *(part for change in self.changes for part in ("--set", _placeless(change))),
            *(part for option in self.options for part in ("--option", _placeless(option))),
            *(("--device", self.device) if self.device else ()),
            *("-o", self.output.absolute().name),
        ]
        return shlex.join(words)


def _placeless(text: str) -> str:
    """Return `key=value`, of an absolute path its last part."""
    key, _, value = text.partition("=")
    return f"{key}={Path(value).name}" if Path(value).is_absolute() else text
