"""The contract of layouts, held by every one of the package - a module without a leading underscore."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from transmodal.cohorts import layouts
from transmodal.cohorts.layouts import WritableLayout
from transmodal.cohorts.prepare.survey import survey
from transmodal.cohorts.simulation import releases
from transmodal.errors import InputError
from transmodal.testing.layout import LayoutContract, LayoutExample, copied, visits

ROOT = Path(__file__).parents[2]


def write_example(name: str, folder: Path) -> LayoutExample:
    """Write a layout with its own writer, or as the release of virtual subjects that it reads."""
    layout = layouts.load(name)
    if isinstance(layout, WritableLayout):
        layout.write(visits(), folder)
        return LayoutExample(folder, (), 2)
    release = next((key for key, release in releases.RELEASES.items() if release.layout == name), None)
    assert release is not None, (
        f"give {name} a function `write`, or a release in cohorts/simulation/releases.py"
    )
    releases.write(release, 2, folder, spacing_mm=10)
    return LayoutExample(folder, releases.RELEASES[release].settings, 2)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, LayoutExample]:
    return {name: write_example(name, tmp_path_factory.mktemp(name)) for name in layouts.own_names()}


def test_the_plain_layout_is_among_them() -> None:
    assert "folders" in layouts.own_names()


@pytest.mark.parametrize("name", layouts.own_names())
def test_a_layout_has_a_test_and_a_page(name: str) -> None:
    assert (ROOT / f"tests/cohorts/layouts/test_{name}.py").is_file()
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md")]
    assert any(f"transmodal prepare {name} " in page for page in pages)


class TestLayouts(LayoutContract):
    """Every layout, with an example that it writes or that virtual subjects are released in."""

    def parts(self, config: pytest.Config) -> Sequence[str]:
        return layouts.own_names()

    def write_example(self, name: str, folder: Path, config: pytest.Config) -> LayoutExample:
        return write_example(name, folder)

    def test_contents_cross_the_border_of_a_process(
        self, name: str, examples: dict[str, LayoutExample]
    ) -> None:
        folder, settings, _ = examples[name]
        contents = layouts.find(name, folder, settings)
        assert pickle.loads(pickle.dumps(contents)) == contents


LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
ANNEX_POINTER = "/annex/objects/MD5E-s12345--4d7a2146.nii.gz\n"
ANNEX_LINK = ".git/annex/objects/Kx/9z/MD5E-s12345--4d7a2146.nii.gz/MD5E-s12345--4d7a2146.nii.gz"
IMAGES = (".nii", ".nii.gz", ".mha", ".mhd", ".png", ".dcm")


def cases_of(name: str, example: LayoutExample) -> list[tuple[object, ...]]:
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


@pytest.mark.parametrize("name", layouts.own_names())
class TestLinks:
    @pytest.mark.parametrize("kind", ["folders", "files"])
    def test_a_linked_archive_gives_the_same_cohort(
        self, name: str, kind: str, examples: dict[str, LayoutExample], tmp_path: Path
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
        examples: dict[str, LayoutExample],
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
        self, name: str, content: str, remedy: str, examples: dict[str, LayoutExample], tmp_path: Path
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
        self, name: str, examples: dict[str, LayoutExample], tmp_path: Path
    ) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "sub-01").symlink_to("../gone")
        (tmp_path / "data" / "dataset_description.json").write_text("{}")
        with pytest.raises(InputError, match=r"sub-01 is a link to \.\./gone, where nothing is") as caught:
            layouts.find(name, tmp_path / "data", examples[name].settings)
        assert caught.value.code == "E138"
