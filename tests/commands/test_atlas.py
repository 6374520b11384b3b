"""`transmodal atlas`: words become subjects in folders or a release; words that do not go together are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal import cli
from transmodal.cohorts.simulation import atlas, releases


def test_words_become_subjects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[list[atlas.AtlasSubject], Path, int]] = []
    monkeypatch.setattr(
        atlas,
        "write",
        lambda subjects, folder, *, progress, workers: calls.append((subjects, folder, workers)),
    )
    out = tmp_path / "subjects"
    words = "--subjects 2 --spacing-mm 8 --modalities t1,fa --head never --mask head --seed 7 --workers 1"
    assert cli.run(["atlas", "-o", str(out), *words.split()]) == 0
    options = atlas.AtlasOptions(spacing_mm=8, modalities=("t1", "fa"), head="never", mask="head")
    assert calls == [(atlas.subjects(2, options, seed=7), out, 1)]
    assert capsys.readouterr().out == (
        f"2 virtual subjects in {out}. Prepare: transmodal prepare folders {out} -o cohort --split 1:0:0\n"
    )


def test_words_become_a_release_and_say_how_it_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[object, ...]] = []

    def write(name: str, n: int, folder: Path, **more: object) -> None:
        calls.append((name, n, folder, more["spacing_mm"], more["seed"], more["defects"], more["workers"]))

    monkeypatch.setattr(releases, "write", write)
    out = tmp_path / "release"
    words = "--subjects 3 --layout synthrad2023 --defect oblique --defect missing --spacing-mm 4 --seed 5"
    assert cli.run(["atlas", "-o", str(out), *words.split()]) == 0
    assert calls == [("synthrad2023", 3, out, 4.0, 5, ["missing", "oblique"], 2)]
    release = releases.release_of("synthrad2023")
    assert f"transmodal prepare {release.layout} {out} -o cohort" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("--defect missing", "E004", "--defect with the layout folders"),
        ("--layout ixi --defect nothing", "E001", "--defect nothing"),
        ("--layout nowhere", "E0", "nowhere"),
        ("--modalities t9", "E", "t9"),
        ("--head some", "E001", "--head"),
        ("--subjects 0", "E001", "--subjects"),
        ("--spacing-mm 0.1", "E001", "--spacing-mm"),
    ],
)
def test_refusals(
    words: str, code: str, part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "subjects"
    assert cli.run(["atlas", "-o", str(out), *words.split()]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error[{code}")
    assert part in error
    assert not out.exists()
