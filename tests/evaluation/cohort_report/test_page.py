from __future__ import annotations

import io as bytes_io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lumpy_heads import N_CASES, Maker
from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.quality.pair_notes import read_cohort
from transmodal.cohorts.quality.pairs import check_pairs
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError
from transmodal.evaluation.cohort_report import page as cohort_page
from transmodal.evaluation.cohort_report.summary import SummaryJob, summarise_case


class Tags(HTMLParser):
    """What stands open, and what was closed out of turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "link", "img", "input", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_page_is_whole_and_needs_nothing_else(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    assert (tags.open, tags.wrong) == ([], [])
    assert not re.search(r"(?:src|href)=[\"'](?!data:|#)", text)
    assert "default-src 'none'" in text


def test_bad_pairs_come_first_with_what_to_do(text: str) -> None:
    cards = re.findall(r'<article class="case( odd)?" id="case-(s\d)">', text)
    assert {name for odd, name in cards if odd} == {"s1", "s4"}
    assert {name for _, name in cards[:2]} == {"s1", "s4"}
    assert len(cards) == N_CASES
    assert "ct lies about 10 mm off t1: register it onto t1&#x27;s grid, or mend its header" in text
    assert "check that both are of one patient" in text
    assert "2 pairs of 6 to look at" in text


def test_what_the_cohort_is_is_said(text: str) -> None:
    assert "6 cases of 6 patients with CT, T1; 4 train, 1 validation, 1 test" in text
    assert "No scanner measured CT." in text
    assert "registration mm 0.25" in text
    assert "37 x 43 x 33" in text
    assert "RAS" not in re.sub(r"base64,[^\"]*", "", text)  # the files are LAS
    assert "LAS (6)" in text


def test_the_same_page_whatever_the_workers(cohort: Cohort, text: str) -> None:
    told: list[int] = []
    path = cohort_page.write(cohort, workers=2, progress=lambda name, done, total: told.append(done))
    assert path.read_text(encoding="utf-8") == text
    assert told == list(range(1, N_CASES + 1))


def test_the_same_page_whatever_case_is_done_first(cohort: Cohort) -> None:
    entries = cohort.manifest.cases
    pairs = check_pairs(read_cohort(entries))
    looks = {entry.id: summarise_case(SummaryJob(cohort.folder, entry, False)) for entry in entries}
    backwards = dict(reversed(looks.items()))
    assert cohort_page.page(cohort, backwards, pairs) == cohort_page.page(cohort, looks, pairs)


def test_many_cases_show_the_worst_and_a_sample(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort_page, "MAX_PICTURED", 4)
    text = cohort_page.write(cohort).read_text(encoding="utf-8")
    cards = re.findall(r'id="case-(s\d)"', text)
    assert {"s1", "s4"} <= set(cards)
    assert len(cards) == 4
    assert "Of 6 cases the 4 shown" in text
    assert len(re.findall(r"<tr(?: class=odd)?><td>s\d</td>", text)) == N_CASES


def test_cohorts_without_pair_notes_are_measured(tmp_path: Path) -> None:
    cohort = prepare([Maker(1, moved=2, masked=False)], tmp_path / "old", PrepareOptions(counts=(1, 0, 0)))
    (entry,) = cohort.manifest.cases
    assert entry.notes["pair t1 ct off_mm"] == pytest.approx(10, abs=1.5)
    bare = cohort.manifest.model_copy(update={"cases": (entry.model_copy(update={"notes": {}}),)})
    text = cohort_page.write(Cohort(cohort.folder, bare, cohort.split)).read_text(encoding="utf-8")
    assert "ct lies about 10 mm off t1" in text
    assert 'id="outlines"' not in text


def test_one_contrast_and_left_out_cases_have_a_page_too(cohort: Cohort, tmp_path: Path) -> None:
    class Lone(Maker):
        def load(self) -> Case:
            case = super().load()
            return Case(case.id, case.patient, {"t1": case.volumes["t1"]})

    lone = prepare([Lone(0)], tmp_path / "lone", PrepareOptions(counts=(1, 0, 0)))
    manifest = lone.manifest.model_copy(
        update={"left_out": {f"x<{n}": "E120: not finite" for n in range(60)}}
    )
    text = cohort_page.write(Cohort(lone.folder, manifest, lone.split)).read_text(encoding="utf-8")
    assert "No pair of contrasts could be judged" in text
    assert "x&lt;3: E120" in text
    assert "and 10 more" in text


def test_a_region_is_outlined_where_there_is_no_mask_and_colour_is_shown(tmp_path: Path) -> None:
    class Coloured(Maker):
        def load(self) -> Case:
            case = super().load()
            t1 = case.volumes["t1"]
            grey = np.clip(t1.voxels / 4, 0, 255).astype(np.uint8)
            colour = t1.with_voxels(np.stack([grey, grey // 2, 255 - grey], axis=-1))
            return Case(case.id, case.patient, {"t1": t1, "colour": colour})

    options = PrepareOptions(counts=(1, 0, 0), regions={"t1": ("body",)})
    cohort = prepare([Coloured(0, masked=False)], tmp_path / "colour", options)
    one = summarise_case(SummaryJob(cohort.folder, cohort.manifest.cases[0], True))
    assert one.outlined == "body of t1"
    with Image.open(bytes_io.BytesIO(one.pictures["colour"])) as image:
        assert image.mode == "RGB"
        assert np.ptp(np.asarray(image).astype(int), axis=2).max() > 50
    with Image.open(bytes_io.BytesIO(one.outline)) as line:
        assert line.size == one.size
        assert 0 < np.count_nonzero(np.asarray(line)) < 0.2 * line.size[0] * line.size[1]


def test_strict_pairs_refuse_or_leave_out(tmp_path: Path) -> None:
    cases: list[CaseMaker] = [Maker(n, moved=2 * (n == 1)) for n in range(3)]
    strict = PrepareOptions(counts=(1, 1, 0), strict_pairs=True, copies="ignore")
    with pytest.raises(InputError, match=r"case s1: ct lies about 10 mm off t1") as caught:
        prepare(cases, tmp_path / "strict", strict)
    assert caught.value.code == "E130"
    kept = prepare(cases, tmp_path / "strict", strict.model_copy(update={"keep_going": True}))
    assert [entry.id for entry in kept.manifest.cases] == ["s0", "s2"]
    assert list(kept.manifest.left_out) == ["s1"]
