from __future__ import annotations

import re

import pytest

from transmodal.service import counters


def test_counters_are_text_that_prometheus_reads() -> None:
    counted = counters.Counters()
    counted.count_answer(200)
    counted.count_answer(200)
    counted.count_refusal("E006")
    counted.count_job("done", 1.5)
    text = counted.text({"open": 3})
    for line in (
        'transmodal_answers_total{status="200"} 2',
        'transmodal_refusals_total{code="E006"} 1',
        'transmodal_jobs_total{end="done"} 1',
        'transmodal_jobs{state="open"} 3',
        "transmodal_job_seconds_total 1.5",
    ):
        assert line in text.splitlines()
    shape = r"# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+=\"[^\"]+\"\})? [0-9.e+]+"
    assert all(re.fullmatch(shape, line) for line in text.splitlines())
    assert text.endswith("\n")


def test_open_files_are_counted_where_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "process_open_fds 0" not in counters.Counters().text({})

    def fails(_: object) -> None:
        raise OSError

    monkeypatch.setattr(counters.Path, "iterdir", fails)
    assert "process_open_fds 0" in counters.Counters().text({})
