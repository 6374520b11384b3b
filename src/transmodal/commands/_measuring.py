"""The verb behind `regions`: figures of a group's images per region, as tables of a BIDS derivative dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from transmodal.commands._evaluation_words import open_cohort, words_of
from transmodal.commands._words import Words, folders_by_name, path_of
from transmodal.errors import UsageError
from transmodal.evaluation.regions.group_test import GroupModel
from transmodal.evaluation.regions.matching import RegionRequest
from transmodal.evaluation.regions.run import GroupRequest, RegionTables, measure_regions
from transmodal.progress import StageProgress
from transmodal.volumes.reading import STRICT, Reading

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort


def regions(
    synthetic: Words = (),
    cohort: str | Path | Cohort | None = None,
    *,
    output: str | Path,
    measured: Words = (),
    labels: str | Path | None = None,
    names: str | Path | None = None,
    modality: str = "",
    split: str = "all",
    resample: bool = False,
    participants: str | Path | None = None,
    statistic: Literal["mean", "median", "std", "volume"] = "mean",
    test: str = "",
    covariates: str | Sequence[str] = (),
    reading: Reading = STRICT,
    progress: StageProgress | None = None,
) -> RegionTables:
    """Measure synthetic and measured images per region, and write the tables as a BIDS derivative dataset.

    Args:
        synthetic: folders of synthetic volumes as `translate` or another program writes them, evaluations that kept their
            volumes, or runs with such; `FOLDER=name`, or a mapping of folders by name, names them.
        cohort: prepared cohort whose cases count; its own images and segmentations are taken too.
        output: folder of the dataset; one that was written so before is written anew.
        measured: folders of measured volumes.
        labels: folder of label maps, or one label map for all cases; None takes the cohort's segmentations.
        names: table of the labels' names, with the columns label and name; None takes the cohort's.
        modality: of the images; empty takes the one of the cohort that can be meant.
        split: side of the cohort that counts, or `all`.
        resample: bring images of another grid onto their labels'.
        participants: table such as participants.tsv to stand beside the figures.
        statistic: figure of the tables beside participants, and of the test.
        test: column of participants whose effect is tested; empty tests nothing.
        covariates: columns that the effect is adjusted for.
        reading: for files that leave something open.
        progress: told how far it is.

    Returns:
        Where the tables are, the rows, and the effects.

    Raises:
        UsageError, InputError, IntegrityError, ResourceError: as `evaluation.regions.run.measure_regions`.
    """
    adjusted = tuple(words_of(covariates))
    if adjusted and not test:
        raise UsageError(
            "E004", "--covariate without --test", "a column to test", "Name it, or leave the covariates out."
        )
    request = RegionRequest(
        synthetic=folders_by_name(synthetic),
        measured=folders_by_name(measured),
        modality=modality,
        cohort=None if cohort is None else open_cohort(cohort),
        split=split,
        labels=path_of(labels),
        names=path_of(names),
        resamples=resample,
        reading=reading,
    )
    group = GroupRequest(path_of(participants), statistic, GroupModel(test, adjusted) if test else None)
    return measure_regions(request, group, Path(output), progress)
