from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
import webbrowser
from pathlib import Path

import numpy as np
import pytest

from cli_calls import check_error
from transmodal import cli
from transmodal.viewing import niivue
from transmodal.viewing.server import PageServer
from transmodal.volumes import Volume, io

CT = np.random.default_rng(0).integers(-1000, 1000, (12, 11, 9)).astype(np.int16)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    io.write(Volume(CT, np.eye(4)), tmp_path / "doe_john_ct.nii.gz", description="DOE^JOHN")
    io.write(Volume(CT + 5, np.eye(4)), tmp_path / "sct.nii.gz", description="SYNTHETIC ct")
    io.write(Volume(CT[:-1], np.eye(4)), tmp_path / "short.nii.gz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_file_is_written_without_the_names_of_files_and_headers(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        cli.run(["view", "doe_john_ct.nii.gz", "synthetic=sct.nii.gz", "--difference", "-o", "out/x.html"])
        == 0
    )
    text = (place / "out" / "x.html").read_text()
    assert re.fullmatch(r"out/x\.html \(\d\.\d MB\)\n", capsys.readouterr().out)
    assert '"name": "volume 1, CT"' in text
    assert '"name": "synthetic"' in text
    assert '"name": "synthetic minus volume 1, CT"' in text
    assert not re.search("doe|john", text.split('id="scene"')[1].split("</script>")[0], re.IGNORECASE)
    assert "DOE" not in text.split("globalThis.niivue")[0].split('id="scene"')[0]


def test_a_page_is_written_anew_and_no_other_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["view", "sct.nii.gz", "-o", "x.html"]) == 0
    assert cli.run(["view", "sct.nii.gz", "-o", "x.html"]) == 0
    (place / "thesis.html").write_text("<html>thesis</html>")
    assert cli.run(["view", "sct.nii.gz", "-o", "thesis.html"]) == 2
    assert "E005" in capsys.readouterr().err
    assert (place / "thesis.html").read_text() == "<html>thesis</html>"


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("nowhere.nii.gz -o x.html", "E100", "nowhere.nii.gz"),
        ("sct.nii.gz -o x.pdf", "E005", ".html"),
        ("sct.nii.gz --difference -o x.html", "E004", "second"),
        ("sct.nii.gz short.nii.gz --difference -o x.html", "E130", "one grid"),
        ("sct.nii.gz -o x.html --max-size 1", "E001", "--max-size"),
        ("sct.nii.gz --run nowhere -o x.html", "E134", "nowhere"),
        ("x= -o x.html", "E001", "x="),
        (". -o x.html", "E100", ""),
        ("/ -o x.html", "E100", ""),
        ("sct.nii.gz -o .", "E005", "."),
    ],
)
def test_refusals(words: str, code: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    check_error(f"view {words}", code, part, capsys)
    assert not Path("x.html").exists()


def test_a_missing_viewer_is_named_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(niivue, "_widget", lambda: None)
    assert cli.run(["view", "nowhere.nii.gz"]) == 4
    assert "error[E404]: NiiVue is not installed" in capsys.readouterr().err


def take_interrupts() -> None:
    """Let Ctrl-C reach a process also where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_page_is_served_until_ctrl_c() -> None:
    words = [sys.executable, "-m", "transmodal", "view", "doe_john_ct.nii.gz", "--no-browser"]
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ,
        preexec_fn=take_interrupts,
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            with urllib.request.urlopen(address, timeout=120) as answer:
                page = answer.read().decode()
            with urllib.request.urlopen(f"{address}volume-0.nii", timeout=120) as answer:
                assert b"DOE" not in answer.read()[:352]
            process.send_signal(signal.SIGINT)
            assert process.wait(120) == 0
        finally:
            process.kill()
    assert '"name": "doe_john_ct.nii.gz"' in page


@pytest.mark.parametrize(("more", "has_browser"), [([], True), (["--no-browser"], False)])
def test_the_browser_is_opened_unless_it_is_not_to_be(
    more: list[str], has_browser: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(PageServer, "serve", lambda _: None)
    assert cli.run(["view", "sct.nii.gz", *more]) == 0
    address = capsys.readouterr().out.strip()
    assert address.startswith("http://127.0.0.1:")
    assert opened == [address] * has_browser


def test_an_evaluation_leads_to_pages_of_its_cases(folders: Path) -> None:
    words = "evaluate run --cohort cohort --oracles none --viewer -o out"
    assert cli.run(words.split()) == 0
    pages = sorted(path.name for path in Path("out/viewer").glob("*.html"))
    assert pages
    report = Path("out/report.html").read_text(encoding="utf-8")
    assert all(f'href="viewer/{name}"' in report for name in pages)


def test_preparing_leads_to_pages_of_its_cases(place: Path) -> None:
    for subject in ("a", "b"):
        (place / "data" / subject).mkdir(parents=True)
        for n, name in enumerate(("t1", "t2")):
            noise = np.random.default_rng([n, ord(subject)]).integers(0, 1000, (12, 11, 9)).astype(np.int16)
            io.write(Volume(noise, np.eye(4)), place / "data" / subject / f"{name}.nii.gz")
    words = "prepare folders data -o cohort --counts 1:0:1 --workers 1 --viewer"
    assert cli.run(words.split()) == 0
    assert 'href="viewer/0001-a.html"' in (place / "cohort" / "cohort.html").read_text(encoding="utf-8")
    assert (place / "cohort" / "viewer" / "0002-b.html").is_file()


def test_preparing_without_niivue_ends_before_the_work(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "data" / "a").mkdir(parents=True)
    io.write(Volume(CT, np.eye(4)), place / "data" / "a" / "t1.nii.gz")
    monkeypatch.setattr(niivue, "_widget", lambda: None)
    assert cli.run(["prepare", "folders", "data", "-o", "cohort", "--viewer"]) == 4
    assert "error[E404]" in capsys.readouterr().err
    assert not (place / "cohort").exists()
