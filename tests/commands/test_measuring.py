from __future__ import annotations

from pathlib import Path

import pytest

import transmodal
from group_files import write_group
from transmodal.errors import UsageError


def test_python_takes_words_and_names(tmp_path: Path) -> None:
    group = write_group(tmp_path)
    tables = transmodal.regions(
        {"unet": group / "synthetic"},
        output=group / "out",
        measured=group / "measured",
        labels=group / "labels",
        modality="fa",
        participants=group / "participants.tsv",
        statistic="median",
        test="age",
        covariates="sex",
    )
    assert [images.images for images, _ in tables.tests] == ["measured", "unet"]
    assert "Left" not in (group / "out/phenotype/unet_glm.tsv").read_text()
    assert "label_1_median" in (group / "out/phenotype/unet_glm.tsv").read_text()


def test_covariates_of_no_test_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--covariate without --test"):
        transmodal.regions("synthetic", output=tmp_path / "out", covariates=["sex"])
