"""Every layout of cohorts - a module with `find` - keeps the same promises; found by itself."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from transmodal import cohorts
from transmodal.cohorts.case import Case, CaseFiles
from transmodal.cohorts.prepare import PrepareOptions, prepare
from transmodal.errors import InputError
from transmodal.volumes import Volume


def layouts() -> list[str]:
    found = []
    for module in pkgutil.iter_modules(cohorts.__path__):
        if not module.ispkg and not module.name.startswith("_") and hasattr(load(module.name), "find"):
            found.append(module.name)
    return found


def load(name: str) -> ModuleType:
    return importlib.import_module(f"transmodal.cohorts.{name}")


def visits() -> list[Case]:
    """Two patients; the first was seen twice."""
    made = []
    for number, (name, patient) in enumerate((("a-1", "a"), ("a-2", "a"), ("b-1", "b"))):
        draw = np.random.default_rng(number)
        shape, affine = (7, 5, 9), np.diag([-1.0, 1.5, 2.0, 1.0])
        voxels = draw.integers(1, 900, (2, *shape)).astype(np.int16)
        volumes = {name: Volume(one, affine) for name, one in zip(("t1", "t2"), voxels, strict=True)}
        mask = Volume((draw.random(shape) > 0.4).astype(np.uint8), affine)
        labels = Volume(draw.integers(0, 3, shape).astype(np.uint8), affine)
        made.append(Case(name, patient, volumes, mask, labels))
    return made


def test_the_plain_layout_is_among_them() -> None:
    assert "folders" in layouts()


@pytest.mark.parametrize("name", layouts())
class TestLayout:
    def test_find_takes_a_folder_and_is_described(self, name: str) -> None:
        find = load(name).find
        first, *others = inspect.signature(find).parameters.values()
        assert first.name == "folder"
        assert all(one.default is not one.empty for one in others)
        assert "E100" in (inspect.getdoc(find) or "") + (
            inspect.getdoc(getattr(load(name), "look", None)) or ""
        )

    def test_no_folder_is_said(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for path in (tmp_path / "missing", tmp_path / "file"):
            with pytest.raises(InputError, match=path.name) as caught:
                load(name).find(path)
            assert caught.value.code == "E100"

    def test_an_empty_folder_is_said(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=tmp_path.name) as caught:
            load(name).find(tmp_path)
        assert caught.value.code == "E100"

    def test_what_is_written_is_found_and_prepared(self, name: str, tmp_path: Path) -> None:
        """A layout that can be written is held to its own round trip."""
        layout, folder = load(name), tmp_path / "data"
        if not hasattr(layout, "write"):
            pytest.skip(f"{name} has no writer here")
        folder.mkdir()
        layout.write(visits(), folder)
        before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
        found = layout.find(folder)
        assert found == layout.find(folder)
        assert all(isinstance(one, CaseFiles) for one in found)
        assert [one.id for one in found] == sorted({one.id for one in found})
        assert sorted(one.patient for one in found) == ["a", "a", "b"]
        assert pickle.loads(pickle.dumps(found)) == found
        cohort = prepare(found, tmp_path / "cohort", PrepareOptions(ratios=(1, 0, 1)))
        assert len({cohort.case(one.id).patient for one in found if one.id in cohort.split.train}) == 1
        for one, wanted in zip(found, visits(), strict=True):
            loaded = one.load()
            for modality, volume in wanted.volumes.items():
                np.testing.assert_array_equal(loaded.volumes[modality].voxels, volume.voxels)
                assert loaded.volumes[modality].grid.same_as(volume.grid)
        assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before
