"""The contract of a layout: its words, its signature, what it refuses, and that its example is prepared."""

from __future__ import annotations

import ast
import inspect
import shutil
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import pytest

from transmodal.cohorts import layouts
from transmodal.cohorts.case import Case
from transmodal.cohorts.layouts import WritableLayout
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume
from transmodal.volumes.reading import STRICT, Reading

LONGEST_SUMMARY = 84
"""Letters that fit beside the layouts' names in the help."""


class LayoutExample(NamedTuple):
    """A small folder of a layout, with its settings and how many patients it has; None where that is not known."""

    folder: Path
    settings: tuple[str, ...] = ()
    patients: int | None = None


class LayoutContract:
    """Tests that a layout passes; a class of tests that inherits them names it.

        class TestNightShift(LayoutContract):
            name = "night_shift"

    A layout that cannot be written overrides `write_example`.

    Attributes:
        name: of the layout, as `prepare` has it.
    """

    name: ClassVar[str] = ""

    def parts(self, config: pytest.Config) -> Sequence[str]:
        """Return the names of the layouts that are tested."""
        return [self.name]

    def write_example(self, name: str, folder: Path, config: pytest.Config) -> LayoutExample:
        """Write a small folder of a layout, of two patients or more; by its own writer unless this is overridden."""
        layout = layouts.load(name)
        assert isinstance(layout, WritableLayout), f"give {name} a function `write`, or name a folder of it"
        layout.write(visits(), folder)
        return LayoutExample(folder, (), 2)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give each test its layouts."""
        metafunc.parametrize("name", self.parts(metafunc.config))

    @pytest.fixture(scope="class")
    @classmethod
    def examples(
        cls, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> dict[str, LayoutExample]:
        """Return an example of each layout."""
        contract = cls()
        names = contract.parts(request.config)
        return {
            name: contract.write_example(name, tmp_path_factory.mktemp(name), request.config)
            for name in names
        }

    def test_it_has_a_line_in_the_help_and_a_tree(self, name: str) -> None:
        """Its docstring begins with its line, and shows a tree of the folder."""
        summary = (layouts.load(name).__doc__ or "").partition("\n")[0]
        assert summary.endswith(".")
        assert len(summary) <= LONGEST_SUMMARY
        module = sys.modules[layouts.load(name).find.__module__]
        source = ast.parse(inspect.getsource(module))  # from 3.13 on, Python takes indents away
        assert "\n    " in (ast.get_docstring(source, clean=False) or ""), "a tree of the folder, indented"

    def test_its_options_have_defaults_and_are_documented(self, name: str) -> None:
        """`Options` is a frozen dataclass, and each field has a default and a meaning."""
        options = layouts.load(name).Options
        assert is_dataclass(options)
        assert options.__dataclass_params__.frozen  # type: ignore[attr-defined]  # which mypy does not know
        assert all(field.default is not MISSING for field in fields(options))
        keys = layouts.keys_of(name)
        assert list(keys) == [field.name for field in fields(options)]
        assert all(key.meaning.endswith(".") for key in keys.values())
        assert layouts.parse_options(name) == options()
        with pytest.raises(UsageError) as caught:
            layouts.parse_options(name, ["no-such-key=1"])
        assert caught.value.code == "E003"

    def test_find_has_the_signature_of_the_protocol(self, name: str) -> None:
        """`find` takes a folder, options and a reading, and says E100."""
        layout = layouts.load(name)
        signature = inspect.signature(layout.find)
        assert list(signature.parameters) == ["folder", "options", "reading"]
        assert signature.parameters["options"].default == layout.Options()
        assert signature.parameters["reading"].default == STRICT
        assert "FolderContents[" in str(signature.return_annotation)
        assert "E100" in (inspect.getdoc(layout.find) or "")
        writers = getattr(layout, "write", None)
        assert writers is None or list(inspect.signature(writers).parameters) == ["cases", "folder"]

    def test_no_folder_is_said(self, name: str, tmp_path: Path) -> None:
        """A folder that is none is refused by its name."""
        (tmp_path / "file").write_text("")
        for path in (tmp_path / "missing", tmp_path / "file"):
            with pytest.raises(InputError, match=path.name) as caught:
                layouts.load(name).find(path)
            assert caught.value.code == "E100"

    def test_an_empty_folder_is_said(self, name: str, tmp_path: Path) -> None:
        """A folder without a case is refused by its name."""
        with pytest.raises(InputError, match=tmp_path.name) as caught:
            layouts.load(name).find(tmp_path)
        assert caught.value.code == "E100"

    def test_what_is_written_is_found_and_prepared(
        self, name: str, examples: dict[str, LayoutExample], tmp_path: Path
    ) -> None:
        """Its example is found, prepared and left as it was."""
        folder, settings, n_patients = copied(examples[name], tmp_path)
        before = state(folder)
        layout, options = layouts.load(name), layouts.parse_options(name, settings)
        contents = layout.find(folder, options)
        assert contents == layout.find(folder, options)
        assert isinstance(contents, layouts.FolderContents)
        assert [case.id for case in contents.cases] == sorted({case.id for case in contents.cases})
        assert n_patients in (None, len({case.patient for case in contents.cases}))
        assert ForkingPickler.dumps(contents), "workers are handed the cases"
        cohort = prepare(
            contents.cases,
            tmp_path / "cohort",
            PrepareOptions(ratios=(1, 0, 1)),
            sides=contents.sides,
            within_subject=contents.within_subject,
        )
        assert [case.id for case in cohort.cases()] == [case.id for case in contents.cases]
        for case in contents.cases:
            prepared, loaded = cohort.case(case.id), case.load()
            assert prepared.patient == loaded.patient == case.patient
            assert sorted(prepared.entry.volumes) == sorted(loaded.volumes)
        if not contents.within_subject:
            trained = {case.patient for case in contents.cases if case.id in cohort.split.train}
            assert len(trained) == 1
        assert state(folder) == before

    def test_the_cases_are_read_as_the_user_says(self, name: str, examples: dict[str, LayoutExample]) -> None:
        """The cases carry the reading."""
        folder, settings, _ = examples[name]
        reading = Reading(nonfinite="zero")
        contents = layouts.load(name).find(folder, layouts.parse_options(name, settings), reading)
        assert {case.reading for case in contents.cases} == {reading}  # type: ignore[attr-defined]  # they all have it

    def test_what_it_writes_comes_back_voxel_by_voxel(self, name: str, tmp_path: Path) -> None:
        """A layout that writes reads its own files."""
        layout = layouts.load(name)
        if not isinstance(layout, WritableLayout):
            return  # it has nothing to hold to this
        layout.write(visits(), tmp_path)
        for case, visit in zip(layout.find(tmp_path).cases, visits(), strict=True):
            loaded = case.load()
            assert (loaded.id, loaded.patient) == (visit.id, visit.patient)
            for modality, volume in visit.volumes.items():
                np.testing.assert_array_equal(loaded.volumes[modality].voxels, volume.voxels)
                assert loaded.volumes[modality].grid.same_as(volume.grid)


def visits() -> list[Case]:
    """Return two patients; the first was seen twice."""
    cases = []
    for number, (name, patient) in enumerate((("a-1", "a"), ("a-2", "a"), ("b-1", "b"))):
        draw = np.random.default_rng(number)
        shape, affine = (7, 5, 9), np.diag([-1.0, 1.5, 2.0, 1.0])
        voxels = draw.integers(1, 900, (2, *shape)).astype(np.int16)
        volumes = {
            modality: Volume(values, affine) for modality, values in zip(("t1", "t2"), voxels, strict=True)
        }
        mask = Volume((draw.random(shape) > 0.4).astype(np.uint8), affine)
        labels = Volume(draw.integers(0, 3, shape).astype(np.uint8), affine)
        cases.append(Case(name, patient, volumes, mask, labels))
    return cases


def copied(example: LayoutExample, place: Path) -> LayoutExample:
    """Return an example that was copied into a place, so that nothing is lost where it is changed."""
    return example._replace(folder=Path(shutil.copytree(example.folder, place / "data")))


def state(folder: Path) -> list[tuple[Path, int]]:
    """Return every path below a folder with when it was changed."""
    return sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
