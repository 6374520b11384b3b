from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from group_files import fa, write_cohort
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, IntegrityError, UsageError
from transmodal.evaluation.predictions.folder import parse
from transmodal.evaluation.predictions.predicted import Predictions
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.evaluation.regions import images
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.run import evaluate
from transmodal.volumes.reading import STRICT

CASES = [f"sub-{n}" for n in range(8)]


def test_volumes_of_a_folder_are_read_by_case(group: Path) -> None:
    own = images.of_folder(parse("synthetic=unet"), "synthetic", CASES, CASES, STRICT)
    assert (own.name, own.source, list(own.readers), own.unknown) == ("unet", "synthetic", CASES, 0)
    assert np.array_equal(own.readers["sub-3"]().voxels, fa(3, 0.1).voxels)
    (group / "synthetic/other.nii.gz").write_bytes(
        (group / "synthetic/sub-0_desc-synthetic_fa.nii.gz").read_bytes()
    )
    assert images.of_folder(parse("synthetic"), "synthetic", CASES, CASES, STRICT).unknown == 1


def test_synthetic_volumes_are_not_taken_for_measured_ones(group: Path) -> None:
    assert images.of_folder(parse("measured"), "measured", CASES, CASES, STRICT).source == "measured"
    with pytest.raises(InputError, match="says that it is synthetic"):
        images.of_folder(parse("synthetic"), "measured", CASES, CASES, STRICT)


def test_a_folder_of_other_cases_is_refused(group: Path) -> None:
    with pytest.raises(InputError, match="without a volume of any of 1 case"):
        images.of_folder(parse("synthetic"), "synthetic", ["anna"], ["anna"], STRICT)
    with pytest.raises(UsageError, match="two sets of images"):
        images.check_names(2 * [images.of_folder(parse("measured"), "measured", CASES, CASES, STRICT)])


@pytest.fixture
def scored(group: Path) -> Cohort:
    """A cohort whose evaluation, in `scored`, kept the synthetic volumes."""
    cohort = write_cohort(group)
    request = EvaluationRequest(
        scoring=ScoringOptions(metrics=("mae",), oracles=()),
        predictions=Predictions(((parse("synthetic=unet"), ReadingOptions()),)),
        save_volumes=True,
    )
    evaluate({}, cohort, request, output=Path("scored"))
    return cohort


def test_volumes_that_an_evaluation_kept(scored: Cohort, group: Path) -> None:
    (own,) = images.of_words("scored", CASES, CASES, "fa", STRICT)
    assert (own.name, sorted(own.readers)) == ("unet", CASES[:6])
    assert np.allclose(own.readers["sub-1"]().voxels, fa(1, 0.1).voxels)
    assert images.of_words("scored=mine", CASES, CASES, "fa", STRICT)[0].name == "mine"
    with pytest.raises(InputError, match="of fa; expected an evaluation of ct"):
        images.of_words("scored", CASES, CASES, "ct", STRICT)
    with pytest.raises(InputError, match="--save-volumes"):
        images.of_words("scored", ["sub-7"], CASES, "fa", STRICT)
    kept = next((group / "scored/volumes").rglob("sub-1.nii.gz"))
    kept.write_bytes(next((group / "scored/volumes").rglob("sub-2.nii.gz")).read_bytes())
    with pytest.raises(IntegrityError, match="another content"):
        own.readers["sub-1"]()


def test_a_run_that_was_not_evaluated_is_told_how(group: Path) -> None:
    (group / "run").mkdir()
    (group / "run/run.json").write_text("{}")
    with pytest.raises(InputError, match="transmodal evaluate run"):
        images.of_words("run", CASES, CASES, "fa", STRICT)


def test_a_cohorts_own_images(scored: Cohort) -> None:
    (own,) = images.of_cohort(scored, scored.cases(), "fa")
    assert (own.name, own.source, len(own.readers)) == ("measured", "measured", 8)
    assert images.of_cohort(scored, scored.cases(), "ct") == []
