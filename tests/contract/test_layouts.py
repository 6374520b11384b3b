"""Every layout - a module of its package without a leading underscore - keeps the protocol `Layout`."""

from __future__ import annotations

import inspect
import pickle
import shutil
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from transmodal.cohorts import layouts
from transmodal.cohorts.case import Case
from transmodal.cohorts.layouts import WritableLayout
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.simulation import releases
from transmodal.errors import InputError, UsageError
from transmodal.volumes import Volume
from transmodal.volumes.reading import STRICT, Reading

ROOT = Path(__file__).parents[2]
LONGEST_SUMMARY = 84
"""What fits beside the layouts' names in the help."""


class Example(NamedTuple):
    """A small folder of a layout, with its settings and how many patients it has."""

    folder: Path
    settings: tuple[str, ...]
    patients: int


def visits() -> list[Case]:
    """Two patients; the first was seen twice."""
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


def write_example(name: str, folder: Path) -> Example:
    """Write a layout with its own writer, or as the release of virtual subjects that it reads."""
    layout = layouts.load(name)
    if isinstance(layout, WritableLayout):
        layout.write(visits(), folder)
        return Example(folder, (), 2)
    release = next((key for key, release in releases.RELEASES.items() if release.layout == name), None)
    assert release is not None, (
        f"give {name} a function `write`, or a release in cohorts/simulation/releases.py"
    )
    releases.write(release, 2, folder, spacing_mm=10)
    return Example(folder, releases.RELEASES[release].settings, 2)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Example]:
    return {name: write_example(name, tmp_path_factory.mktemp(name)) for name in layouts.names()}


def copied(example: Example, place: Path) -> Example:
    return example._replace(folder=Path(shutil.copytree(example.folder, place / "data")))


def state(folder: Path) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_the_plain_layout_is_among_them() -> None:
    assert "folders" in layouts.names()


@pytest.mark.parametrize("name", layouts.names())
class TestLayout:
    def test_it_has_a_line_in_the_help_and_a_tree(self, name: str) -> None:
        summary = layouts.summaries()[name]
        assert summary.endswith(".")
        assert len(summary) <= LONGEST_SUMMARY
        assert "\n    " in (layouts.load(name).__doc__ or ""), "a tree of the folder, indented"

    def test_its_options_have_defaults_and_are_documented(self, name: str) -> None:
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
        layout = layouts.load(name)
        signature = inspect.signature(layout.find)
        assert list(signature.parameters) == ["folder", "options", "reading"]
        assert signature.parameters["options"].default == layout.Options()
        assert signature.parameters["reading"].default == STRICT
        assert str(signature.return_annotation).startswith("FolderContents[")
        assert "E100" in (inspect.getdoc(layout.find) or "")
        writers = getattr(layout, "write", None)
        assert writers is None or list(inspect.signature(writers).parameters) == ["cases", "folder"]

    def test_it_has_a_test_and_a_page(self, name: str) -> None:
        assert (ROOT / f"tests/cohorts/layouts/test_{name}.py").is_file()
        pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md")]
        assert any(f"transmodal prepare {name} " in page for page in pages)

    def test_no_folder_is_said(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for path in (tmp_path / "missing", tmp_path / "file"):
            with pytest.raises(InputError, match=path.name) as caught:
                layouts.load(name).find(path)
            assert caught.value.code == "E100"

    def test_an_empty_folder_is_said(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=tmp_path.name) as caught:
            layouts.load(name).find(tmp_path)
        assert caught.value.code == "E100"

    def test_what_is_written_is_found_and_prepared(
        self, name: str, examples: dict[str, Example], tmp_path: Path
    ) -> None:
        folder, settings, n_patients = copied(examples[name], tmp_path)
        before = state(folder)
        layout, options = layouts.load(name), layouts.parse_options(name, settings)
        contents = layout.find(folder, options)
        assert contents == layout.find(folder, options)
        assert isinstance(contents, layouts.FolderContents)
        assert [case.id for case in contents.cases] == sorted({case.id for case in contents.cases})
        assert len({case.patient for case in contents.cases}) == n_patients
        assert pickle.loads(pickle.dumps(contents)) == contents
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

    def test_the_cases_are_read_as_the_user_says(self, name: str, examples: dict[str, Example]) -> None:
        folder, settings, _ = examples[name]
        reading = Reading(nonfinite="zero")
        contents = layouts.load(name).find(folder, layouts.parse_options(name, settings), reading)
        assert {case.reading for case in contents.cases} == {reading}  # type: ignore[attr-defined]  # they all have it

    def test_what_it_writes_comes_back_voxel_by_voxel(self, name: str, tmp_path: Path) -> None:
        layout = layouts.load(name)
        if not isinstance(layout, WritableLayout):
            return  # releases of virtual subjects are held to it in tests/cohorts/simulation/test_releases.py
        layout.write(visits(), tmp_path)
        for case, written in zip(layout.find(tmp_path).cases, visits(), strict=True):
            loaded = case.load()
            assert (loaded.id, loaded.patient) == (written.id, written.patient)
            for modality, volume in written.volumes.items():
                np.testing.assert_array_equal(loaded.volumes[modality].voxels, volume.voxels)
                assert loaded.volumes[modality].grid.same_as(volume.grid)


LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
ANNEX_POINTER = "/annex/objects/MD5E-s12345--4d7a2146.nii.gz\n"
ANNEX_LINK = ".git/annex/objects/Kx/9z/MD5E-s12345--4d7a2146.nii.gz/MD5E-s12345--4d7a2146.nii.gz"
IMAGES = (".nii", ".nii.gz", ".mha", ".mhd", ".png", ".dcm")


def cases_of(name: str, example: Example) -> list[tuple[object, ...]]:
    contents = layouts.find(name, example.folder, example.settings)
    return [
        (case.id, case.patient, case.fingerprint(), contents.sides.get(case.id)) for case in contents.cases
    ]


def images(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and (path.name.endswith(IMAGES) or not path.suffix)
    )


@pytest.mark.parametrize("name", layouts.names())
class TestLinks:
    @pytest.mark.parametrize("kind", ["folders", "files"])
    def test_a_linked_archive_gives_the_same_cohort(
        self, name: str, kind: str, examples: dict[str, Example], tmp_path: Path
    ) -> None:
        example = copied(examples[name], tmp_path)
        folder = example.folder
        cases = cases_of(name, example)
        assert cases
        deepest_first = sorted(folder.rglob("*"), key=lambda path: -len(path.parts))
        for number, path in enumerate(deepest_first):
            if path.is_dir() == (kind == "folders"):
                store = tmp_path / "store" / str(number) / path.name
                store.parent.mkdir(parents=True)
                path.rename(store)
                path.symlink_to(store)
        assert cases_of(name, example) == cases
        (tmp_path / "linked").symlink_to(folder)
        assert cases_of(name, example._replace(folder=tmp_path / "linked")) == cases

    def test_links_in_circles_end(
        self,
        name: str,
        examples: dict[str, Example],
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        example = copied(examples[name], tmp_path)
        folder = example.folder
        cases = cases_of(name, example)
        for path in [*folder.rglob("*"), folder]:
            if path.is_dir() and not path.is_symlink():
                (path / "zz-again").symlink_to(folder)
                (path / "zz-here").symlink_to(".")
        assert cases_of(name, example) == cases
        assert name == "folders" or "a link back to a folder above it: not followed" in caplog.text

    @pytest.mark.parametrize(
        ("content", "remedy"),
        [
            (LFS_POINTER, "git lfs pull"),
            (ANNEX_POINTER, "git annex get"),
            ("", "git annex get"),
            ("nowhere", "Mend the link, or copy the file"),
        ],
        ids=["lfs", "annex", "annex-link", "dangling"],
    )
    def test_placeholders_are_named(
        self, name: str, content: str, remedy: str, examples: dict[str, Example], tmp_path: Path
    ) -> None:
        """Every image of the archive is a placeholder, as in a dataset that was cloned and not fetched."""
        folder, settings, _ = copied(examples[name], tmp_path)
        for path in images(folder):
            path.unlink()
            if content in ("", "nowhere"):
                path.symlink_to(content or ANNEX_LINK)
            else:
                path.write_text(content)
        try:
            surveys = survey(layouts.find(name, folder, settings).cases)
            wrong = [line for case in surveys for line in case.faults]
            assert wrong
        except InputError as error:
            wrong = [error.line()]
        assert all("error[E138]" in line and remedy in line for line in wrong), wrong

    def test_a_folder_that_is_a_dangling_link_is_named(
        self, name: str, examples: dict[str, Example], tmp_path: Path
    ) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "sub-01").symlink_to("../gone")
        (tmp_path / "data" / "dataset_description.json").write_text("{}")
        with pytest.raises(InputError, match=r"sub-01 is a link to \.\./gone, where nothing is") as caught:
            layouts.find(name, tmp_path / "data", examples[name].settings)
        assert caught.value.code == "E138"
