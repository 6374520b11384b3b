from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reading_sessions import ReadingGround
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.predictions.folder import PredictionFolder
from transmodal.evaluation.predictions.predicted import Predictions
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.run import evaluate
from transmodal.experiments.reader.systems import CaseRequest, find_systems
from transmodal.volumes import Volume, io


def request(ground: ReadingGround, target: str = "fa") -> CaseRequest:
    return CaseRequest(ground.cohort, ground.cohort.cases("test"), target)


@pytest.fixture(scope="module")
def evaluation(ground: ReadingGround, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scored") / "evaluation"
    folders = [(PredictionFolder(place, name), ReadingOptions()) for name, place in ground.systems.items()]
    evaluate(
        [],
        ground.cohort,
        EvaluationRequest(
            predictions=Predictions(folders),
            target="fa",
            scoring=ScoringOptions(metrics=("mae",), oracles=("mean_target",)),
            save_volumes=True,
        ),
        output=folder,
    )
    return folder


def test_a_folder_and_the_evaluation_of_it_give_the_same_volumes(
    ground: ReadingGround, evaluation: Path
) -> None:
    (folder,) = find_systems([f"{ground.systems['smooth']}=mine"], request(ground))
    systems = find_systems([str(evaluation)], request(ground))
    assert folder.name == "mine"
    assert {system.name for system in systems} == {"smooth", "flat"}  # oracles are no systems
    smooth = next(system for system in systems if system.name == "smooth")
    assert list(smooth.volumes) == list(folder.volumes) == [case.id for case in ground.cohort.cases("test")]
    for case in ground.cohort.cases("test"):
        np.testing.assert_array_equal(smooth.volumes[case.id]().voxels, folder.volumes[case.id]().voxels)
        assert folder.volumes[case.id]().grid.same_as(case.volume("fa").grid)


def test_names_are_of_one_system(ground: ReadingGround) -> None:
    place = ground.systems["smooth"]
    with pytest.raises(UsageError, match="two kinds of pictures called smooth"):
        find_systems([str(place), str(place)], request(ground))
    with pytest.raises(UsageError, match="called real"):
        find_systems([f"{place}=real"], request(ground))


def test_an_evaluation_of_another_cohort_or_modality_is_refused(
    ground: ReadingGround, evaluation: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="an evaluation of t1"):
        find_systems([str(evaluation)], request(ground, "t1"))
    content = json.loads((evaluation / "evaluation.json").read_text())
    content.pop("sha256", None)
    content["provenance"]["cohort"]["digest"] = "0" * 64
    (tmp_path / "evaluation.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match="scored on the cohort"):
        find_systems([str(tmp_path)], request(ground))


def test_an_evaluation_without_volumes_and_a_folder_of_strangers_are_refused(
    ground: ReadingGround, evaluation: Path, tmp_path: Path
) -> None:
    content = json.loads((evaluation / "evaluation.json").read_text())
    content.pop("sha256", None)
    content.pop("volumes")
    (tmp_path / "evaluation.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="without kept volumes"):
        find_systems([str(tmp_path)], request(ground))
    (tmp_path / "strangers").mkdir()
    io.write(Volume(np.zeros((3, 3, 3), np.float32), np.eye(4)), tmp_path / "strangers/nobody.nii.gz")
    with pytest.raises(InputError, match="without a volume of any of 8 cases"):
        find_systems([str(tmp_path / "strangers")], request(ground))


def test_another_grid_is_refused_unless_it_is_to_be_resampled(ground: ReadingGround, tmp_path: Path) -> None:
    for case in ground.cohort.cases("test"):
        affine = case.grid.affine.copy()
        affine[:3, :3] /= 2
        shape = tuple(2 * n + 2 for n in case.grid.shape)
        io.write(Volume(np.full(shape, 0.5, np.float32), affine), tmp_path / f"{case.id}.nii.gz")
    (system,) = find_systems([str(tmp_path)], request(ground))
    case = ground.cohort.cases("test")[0]
    with pytest.raises(InputError, match="on another grid than its target"):
        system.volumes[case.id]()
    options = ReadingOptions(resamples=True)
    (system,) = find_systems([str(tmp_path)], request(ground)._replace(options=options))
    assert system.volumes[case.id]().grid.same_as(case.grid)
