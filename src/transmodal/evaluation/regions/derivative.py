"""The tables of regions as a BIDS derivative dataset: what they mean, where they come from, what they are not for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transmodal._version import __version__
from transmodal.cohorts.headers.bids_names import DESCRIPTION, VERSION, is_dataset
from transmodal.errors import UsageError
from transmodal.evaluation.regions import table
from transmodal.evaluation.regions.group_test import GroupModel, TermTest
from transmodal.evaluation.regions.participants import ParticipantTable
from transmodal.evaluation.regions.table import STATISTICS, ImageGroup, ImageRegion, Statistic
from transmodal.modalities import modality_of
from transmodal.notice import INTENDED_USE
from transmodal.storage import files, outputs

NAME = "Region statistics"
LIMITS = (
    "Figures of synthetic images are a translator's expectation from the source images and its training cohort, not a "
    "measurement: they hold no information on the participant beyond the sources.",
    "Do not report a group difference in synthetic images as a finding about the synthetic modality. Test it in measured "
    "images, and use synthetic ones to plan, to develop, and to ask what the sources already tell.",
    "Do not fill up a group with synthetic images where another group, site or visit has measured ones: the way the images "
    "came about is then part of the effect. Measured and synthetic figures are in tables of their own for this reason.",
    "Translators pull values towards the training cohort's mean, so standard errors and effects can both be too small; and "
    "what the training cohort did not have, such as a disease, an age or a scanner, can be missing from the figures.",
    "Leave out participants that the translator learned from: the column split tells them where the cohort is the training "
    "cohort.",
)
"""Uses that synthetic images are not for in group statistics."""

_FIGURES: dict[Statistic, str] = {
    "mean": "Mean of the image's values in",
    "median": "Median of the image's values in",
    "std": "Sample standard deviation of the image's values in",
    "volume": "Volume of the label of",
}
_LONG = {
    "participant_id": "Participant.",
    "session_id": "Session; n/a where the participant has one case.",
    "case": "Name of the case in the cohort or in the files' names.",
    "split": "Side of the cohort's split; n/a without a cohort.",
    "images": "Set of images.",
    "source": "How the images came about.",
    "modality": "Modality of the images.",
    "label": "Number of the region in the label map.",
    "region": "Name of the region.",
    "n_voxels": "Voxels of the label.",
}
_TEST = {
    "images": "Set of images.",
    "source": "How the images came about.",
    "session": "Session; n/a where participants have one case.",
    "region": "Name of the region.",
    "figure": "Figure of the region that is modelled.",
    "term": "Column that is tested; of words, a level against the first by letter.",
    "n": "Participants.",
    "df": "Degrees of freedom of the residuals.",
    "estimate": "Effect per unit of the column, or the difference from its first level; ordinary least squares.",
    "se": "Standard error of the estimate.",
    "ci95_low": "Lower end of the 95 % confidence interval.",
    "ci95_high": "Upper end of the 95 % confidence interval.",
    "t": "Statistic of the two-sided t test.",
    "p": "Its p value, not corrected.",
    "q": "p value adjusted for all regions of the term (false discovery rate, Benjamini and Hochberg).",
}
_SOURCES = {
    "measured": "By a scanner.",
    "simulated": "By a simulation; no scanner and no translator made them.",
    "synthetic": "By a translator, from other modalities; measured by no scanner.",
}


@dataclass(frozen=True, slots=True)
class RegionStudy:
    """Everything that is written.

    Attributes:
        modality: of the images.
        unit: of their values; empty where they have none.
        rows: one per image and region.
        origins: entries of SourceDatasets.
        participants: what is known of them; without columns where there is no table.
        statistic: figure of the tables for linear models and of tests.
        model: what was tested; None for nothing.
        tests: effects by set of images and session.
        notes: for a reader of the tables.
    """

    modality: str
    unit: str
    rows: Sequence[ImageRegion]
    origins: Sequence[Mapping[str, str]]
    participants: ParticipantTable
    statistic: Statistic
    model: GroupModel | None
    tests: Sequence[tuple[ImageGroup, Sequence[TermTest]]]
    notes: tuple[str, ...]


def check_output(folder: Path) -> None:
    """Refuse a folder that holds anything but tables of regions, which are written anew.

    Raises:
        UsageError: E005; and as `outputs.check_folder`.
    """
    outputs.check_folder(folder)
    if folder.is_dir() and any(folder.iterdir()) and not _is_own(folder):
        raise UsageError(
            "E005",
            f"{folder} holds something else than tables of regions",
            "a new or empty folder, or one that transmodal regions wrote",
            "Choose another.",
        )


def write(study: RegionStudy, folder: Path) -> list[str]:
    """Write the dataset, whole or not at all, and return the names of its tables.

    Raises:
        ResourceError: E403 when it cannot be written.
    """
    with outputs.os_errors():
        folder.parent.mkdir(parents=True, exist_ok=True)
    with files.atomic_folder(folder) as place, outputs.os_errors():
        (place / "phenotype").mkdir()
        tables = [*_long(study, place), *_by_participant(study, place), *_tests(study, place)]
        files.write_json(place / DESCRIPTION, _description(study))
        _write(place / "README", "\n\n".join([NAME, INTENDED_USE, *LIMITS, *study.notes]) + "\n")
        _write(place / ".bidsignore", "/regions.*\n/group_test.*\n")
    return tables


def _long(study: RegionStudy, place: Path) -> list[str]:
    meanings = {name: {"Description": words} for name, words in _LONG.items()}
    meanings["source"]["Levels"] = _SOURCES  # type: ignore[assignment]  # a table in a table
    for statistic in STATISTICS:
        meanings[statistic] = _meaning(study, statistic, "the region")
    _table(place / "regions.tsv", table.long(study.rows, study.modality), meanings)
    return ["regions.tsv"]


def _by_participant(study: RegionStudy, place: Path) -> list[str]:
    names = []
    for images in table.group(study.rows):
        columns = table.column_names(images)
        about = _about(study, images)
        region_meanings = {
            f"{column}_{statistic}": _meaning(study, statistic, region)
            for region, column in columns.items()
            for statistic in STATISTICS
        }
        names.append(f"phenotype/{images.stem}_regions.tsv")
        _table(place / names[-1], table.wide(images), about | region_meanings)
        if study.participants.columns:
            participant_table = study.participants
            meanings = {
                name: participant_table.meanings.get(
                    name, {"Description": "As in the table of participants."}
                )
                for name in participant_table.columns
            }
            own = {
                f"{column}_{study.statistic}": _meaning(study, study.statistic, region)
                for region, column in columns.items()
            }
            names.append(f"phenotype/{images.stem}_glm.tsv")
            joined = table.beside_participants(
                images, participant_table.columns, participant_table.rows, study.statistic
            )
            _table(place / names[-1], joined, about | meanings | own)
    return names


def _tests(study: RegionStudy, place: Path) -> list[str]:
    if study.model is None:
        return []
    cells: list[table.Cells] = [tuple(_TEST)]
    for images, tests in study.tests:
        for test in tests:
            figures = (test.estimate, test.se, test.low, test.high, test.t, test.p, test.q)
            cells.append(
                (
                    images.images,
                    images.source,
                    images.session or table.MISSING,
                    test.region,
                    study.statistic,
                    test.term,
                    str(test.n),
                    str(test.df),
                    *map(table.number, figures),
                )
            )
    words = " + ".join(study.model.covariates)
    about = {
        "Model": f"{study.statistic} of a region ~ 1 + {study.model.tested}{f' + {words}' if words else ''}",
        "Limits": list(LIMITS),
    }
    meanings = {name: {"Description": text} for name, text in _TEST.items()}
    _table(place / "group_test.tsv", cells, about | meanings)
    return ["group_test.tsv"]


def _about(study: RegionStudy, images: ImageGroup) -> dict[str, Any]:
    session = f" of session {images.session}" if images.session else ""
    words = (
        f"Figures per region of {images.source} {modality_of(study.modality).label}{session}, set {images.images}, by "
        f"transmodal {__version__}. {_SOURCES[images.source]} {INTENDED_USE}"
    )
    return {"MeasurementToolMetadata": {"Description": words}}


def _meaning(study: RegionStudy, statistic: Statistic, region: str) -> dict[str, str]:
    units = "mm^3" if statistic == "volume" else _unit(study.unit)
    return {"Description": f"{_FIGURES[statistic]} {region}.", "Units": units}


def _unit(unit: str) -> str:
    return {"": "arbitrary", "FA": "1"}.get(unit, unit)


def _description(study: RegionStudy) -> dict[str, Any]:
    return {
        "Name": NAME,
        "BIDSVersion": VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "transmodal",
                "Version": __version__,
                "Description": f"Figures per region. {INTENDED_USE}",
            }
        ],
        "SourceDatasets": [dict(origin) for origin in study.origins],
    }


def _is_own(folder: Path) -> bool:
    return is_dataset(folder) and files.read_json(folder / DESCRIPTION).get("Name") == NAME


def _table(path: Path, cells: Sequence[table.Cells], meanings: Mapping[str, Any]) -> None:
    _write(path, table.text(cells))
    files.write_json(path.with_suffix(".json"), meanings)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
