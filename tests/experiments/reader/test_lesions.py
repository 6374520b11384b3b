from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reading_sessions import LESION, ReadingGround
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.simulation import atlas
from transmodal.errors import UsageError
from transmodal.experiments.reader.lesions import LesionSource, lesion_source


def test_labels_of_the_segmentation_are_lesions(ground: ReadingGround) -> None:
    for case in ground.cohort.cases("test"):
        voxels = LesionSource((LESION,)).voxels(case, "fa")
        assert voxels is not None
        assert voxels.any() == (int(case.id.removeprefix("case")) % 2 == 0)


def test_planted_lesions_are_drawn_again(tmp_path: Path) -> None:
    options = atlas.AtlasOptions(spacing_mm=6.0, modalities=("fa",))
    subjects = [next(iter(atlas.subjects(1, options, seed=3)))]
    atlas.write(subjects, tmp_path / "subjects")
    cohort = prepare(subjects, tmp_path / "cohort", PrepareOptions(counts=(1, 0, 0)))
    case = cohort.cases()[0]
    voxels = LesionSource(subjects=tmp_path / "subjects").voxels(case, "fa")
    assert voxels is not None
    mask = case.mask()
    assert mask is not None
    assert 0 < voxels.sum() < 0.05 * mask.sum()
    fa = np.asarray(case.volume("fa").voxels)
    assert fa[voxels].mean() < fa[mask & ~voxels].mean() + 0.2
    assert (voxels & mask).sum() == voxels.sum()


def test_words_say_where_lesions_are_known_from(tmp_path: Path) -> None:
    assert lesion_source((), None) is None
    labels, planted = lesion_source((1, 2), None), lesion_source((), tmp_path)
    assert labels is not None
    assert planted is not None
    assert labels.text() == "the segmentation's labels 1, 2"
    assert planted.text() == "planted in the virtual subjects"
    with pytest.raises(UsageError, match="beside --subjects"):
        lesion_source((1,), tmp_path)
    with pytest.raises(UsageError, match="from 1 on"):
        lesion_source((0,), None)
