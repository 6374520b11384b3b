"""What MR series are: a table of descriptions and headers in the manner of four vendors, with the right label."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest

from transmodal.cohorts.headers.acquisition import Acquisition
from transmodal.cohorts.headers.mr_label import label

TABLE = Path(__file__).parent / "series_labels.csv"
ROOT = Path(__file__).parents[3]


def table() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def acquisition(row: dict[str, str]) -> Acquisition:
    def number(name: str) -> float | None:
        return float(row[name]) if row[name] else None

    def words(name: str) -> tuple[str, ...]:
        return tuple(row[name].split("\\")) if row[name] else ()

    return Acquisition(
        row["description"],
        row["protocol"],
        words("image_type"),
        words("scanning_sequence"),
        words("variant"),
        row["sequence_name"],
        number("repetition_ms"),
        number("echo_ms"),
        number("inversion_ms"),
        row["agent"],
    )


def test_the_table_is_large_and_of_many_manners() -> None:
    rows = table()
    assert len(rows) >= 600
    assert {row["vendor"] for row in rows} == {"Siemens", "GE", "Philips", "Canon"}
    assert {"English", "German", "French", "Spanish"} <= {row["language"] for row in rows}
    assert {row["label"] for row in rows} == {"", "t1", "t1ce", "t2", "flair", "pd"}
    assert (
        min(sum(row["label"] == name for row in rows) for name in ("t1", "t1ce", "t2", "flair", "pd", ""))
        >= 15
    )


def test_labels_are_those_of_the_table() -> None:
    """At most 2 % may be left aside that need not be; nothing may get a label that is not its own."""
    wrong = [(row, got) for row in table() if (got := label(acquisition(row))).modality != row["label"]]
    assert not [(row["description"], got) for row, got in wrong if got.modality]
    assert len(wrong) <= 0.02 * len(table()), [row["description"] for row, _ in wrong]


def test_what_is_left_aside_says_why() -> None:
    for row in table():
        modality, reason = label(acquisition(row))
        assert bool(reason) != bool(modality), row["description"]


def test_parameters_overrule_words() -> None:
    spin_echo = Acquisition("t1_tse_tra", scanning_sequence=("SE",), repetition_ms=5000, echo_ms=100)
    assert label(spin_echo).modality == ""
    assert "TE 100 ms" in label(spin_echo).reason
    assert label(spin_echo._replace(repetition_ms=600, echo_ms=11)).modality == "t1"
    assert label(spin_echo._replace(description="t2_tse_tra")).modality == "t2"
    assert label(spin_echo._replace(description="t2_tse_tra", scanning_sequence=("GR",))).modality == ""


@pytest.mark.parametrize(
    ("ti", "modality"),
    [(2500.0, "flair"), (1500.0, "flair"), (160.0, ""), (None, ""), (0.0, ""), (700.0, "")],
)
def test_an_inversion_time_tells_flair_from_stir(ti: float | None, modality: str) -> None:
    tirm = Acquisition("t2_tirm_tra", scanning_sequence=("SE", "IR"), echo_ms=90, inversion_ms=ti)
    assert label(tirm).modality == modality


def test_the_page_is_the_table() -> None:
    """Made anew by `python tools/write_series_labels.py`."""
    spec = importlib.util.spec_from_file_location(
        "write_series_labels", ROOT / "tools/write_series_labels.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page()
