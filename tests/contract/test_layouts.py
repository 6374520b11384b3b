"""Every layout of cohorts - a module with `find` - keeps the same promises; found by itself."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from transmodal.cohorts import layouts as known_layouts
from transmodal.cohorts.case import Case, CaseFiles
from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.simulation import releases
from transmodal.errors import InputError
from transmodal.volumes import Volume


def layouts() -> list[str]:
    modules = pkgutil.iter_modules(known_layouts.__path__)
    return [module.name for module in modules if not module.name.startswith("_")]


def load(name: str) -> ModuleType:
    return importlib.import_module(f"transmodal.cohorts.layouts.{name}")


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


LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
ANNEX_POINTER = "/annex/objects/MD5E-s12345--4d7a2146.nii.gz\n"
ANNEX_LINK = ".git/annex/objects/Kx/9z/MD5E-s12345--4d7a2146.nii.gz/MD5E-s12345--4d7a2146.nii.gz"
IMAGES = (".nii", ".nii.gz", ".mha", ".mhd", ".png", ".dcm")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, tuple[str, ...]]]:
    """A small folder of every layout, by name, and what the layout is told."""
    made: dict[str, tuple[Path, tuple[str, ...]]] = {}
    for release, about in releases.RELEASES.items():
        if about.layout not in made:
            folder = tmp_path_factory.mktemp(release)
            releases.write(release, 2, folder, spacing_mm=10)
            made[about.layout] = folder, about.told
    plain = tmp_path_factory.mktemp("folders")
    load("folders").write(visits(), plain)
    return {**made, "folders": (plain, ())}


def seen(name: str, folder: Path, told: tuple[str, ...]) -> list[tuple[object, ...]]:
    found = known_layouts.look(name, folder, told)
    return [(one.id, one.patient, one.fingerprint(), found.sides.get(one.id)) for one in found.cases]


def copied(
    data: dict[str, tuple[Path, tuple[str, ...]]], name: str, place: Path
) -> tuple[Path, tuple[str, ...]]:
    folder, told = data[name]
    return Path(shutil.copytree(folder, place / "data")), told


def images(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and (path.name.endswith(IMAGES) or not path.suffix)
    )


@pytest.mark.parametrize("name", layouts())
class TestLinks:
    @pytest.mark.parametrize("what", ["folders", "files"])
    def test_a_linked_archive_gives_the_same_cohort(
        self, name: str, what: str, data: dict[str, tuple[Path, tuple[str, ...]]], tmp_path: Path
    ) -> None:
        folder, told = copied(data, name, tmp_path)
        wanted = seen(name, folder, told)
        assert wanted
        every = sorted(folder.rglob("*"), key=lambda path: -len(path.parts))  # the deepest first
        for number, path in enumerate(every):
            if path.is_dir() == (what == "folders"):
                store = tmp_path / "store" / str(number) / path.name
                store.parent.mkdir(parents=True)
                path.rename(store)
                path.symlink_to(store)
        assert seen(name, folder, told) == wanted
        (tmp_path / "linked").symlink_to(folder)
        assert seen(name, tmp_path / "linked", told) == wanted

    def test_links_in_circles_end(
        self,
        name: str,
        data: dict[str, tuple[Path, tuple[str, ...]]],
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        folder, told = copied(data, name, tmp_path)
        wanted = seen(name, folder, told)
        for path in [*folder.rglob("*"), folder]:
            if path.is_dir() and not path.is_symlink():
                (path / "zz-again").symlink_to(folder)
                (path / "zz-here").symlink_to(".")
        assert seen(name, folder, told) == wanted
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
        self,
        name: str,
        content: str,
        remedy: str,
        data: dict[str, tuple[Path, tuple[str, ...]]],
        tmp_path: Path,
    ) -> None:
        """Every image of the archive is a placeholder, as in a dataset that was cloned and not fetched."""
        folder, told = copied(data, name, tmp_path)
        for path in images(folder):
            path.unlink()
            if content in ("", "nowhere"):
                path.symlink_to(content or ANNEX_LINK)
            else:
                path.write_text(content)
        try:
            wrong = [
                line for one in survey(known_layouts.look(name, folder, told).cases) for line in one.wrong
            ]
            assert wrong
        except InputError as error:
            wrong = [error.line()]
        assert all("error[E138]" in line and remedy in line for line in wrong), wrong

    def test_a_folder_that_is_a_dangling_link_is_named(
        self, name: str, data: dict[str, tuple[Path, tuple[str, ...]]], tmp_path: Path
    ) -> None:
        _, told = data[name]
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "sub-01").symlink_to("../gone")
        (tmp_path / "data" / "dataset_description.json").write_text("{}")
        with pytest.raises(InputError, match=r"sub-01 is a link to \.\./gone, where nothing is") as caught:
            known_layouts.look(name, tmp_path / "data", told)
        assert caught.value.code == "E138"
