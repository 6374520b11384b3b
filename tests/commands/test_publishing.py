from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import transmodal
from transmodal.commands import _publishing
from transmodal.errors import ResourceError, UsageError
from transmodal.inference.model import Model
from transmodal.publishing import runtime
from transmodal.volumes import Volume


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Model, dict[str, Volume] | None]]:
    """Return the models and the examples that pages are asked of; the pages hold nothing."""
    asked = list[tuple[Model, dict[str, Volume] | None]]()

    def build(model: Model, example: dict[str, Volume] | None, kinds: tuple[str, ...]) -> str:
        assert kinds in (("cpu",), ("gpu", "cpu"))
        asked.append((model, example))
        return '<meta name="generator" content="transmodal publish">'

    monkeypatch.setattr(_publishing, "build_page", build)
    monkeypatch.setattr(runtime, "is_built", lambda: True)
    return asked


def test_a_run_becomes_a_page(folders: Path, built: list[tuple[Model, dict[str, Volume] | None]]) -> None:
    assert transmodal.publish("run", "a/model.html", axes="x,z", fuse="median") == Path("a/model.html")
    assert (
        transmodal.publish("run", "a/model.html", example="source-t1.nii.gz").read_text().startswith("<meta")
    )
    transmodal.publish("run", "a/model.html", example={"t1": "source-t1.nii.gz"})
    (model, nothing), (_, example), (_, named) = built
    assert (model.preprocessing.axes, model.preprocessing.fuse, nothing) == ((0, 2), "median", None)
    assert example is not None
    assert named is not None
    np.testing.assert_array_equal(example["t1"].voxels, named["t1"].voxels)


def test_what_does_not_fit_is_refused_before_the_work(
    folders: Path, built: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="MODALITY=PATH"):
        transmodal.publish("run", "model.html", example=["source-t1.nii.gz", "t2=x"])
    Path("mine.html").write_text("mine")
    with pytest.raises(UsageError, match="no page of transmodal publish"):
        transmodal.publish("run", "mine.html")
    monkeypatch.setattr(runtime, "is_built", lambda: False)
    with pytest.raises(ResourceError, match=r"build_web\.py"):
        transmodal.publish("run", "model.html")
    assert built == []
    assert not Path("model.html").exists()
