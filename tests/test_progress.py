from __future__ import annotations

from transmodal.progress import Silent, duration, report_stage


def test_a_stage_reports_its_items_by_name() -> None:
    calls = []

    class Recorder(Silent):
        def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
            calls.append((stage, completed, total, note))

    report = report_stage(Recorder(), "merge")
    assert report is not None
    report("case-1", 1, 2)
    assert calls == [("merge", 1, 2, "case-1")]
    assert report_stage(None, "merge") is None


def test_durations_have_few_digits() -> None:
    seconds = (0.04, 9.94, 64, 119, 150, 3600, 7200, 86400, 200_000)
    assert [duration(n) for n in seconds] == [
        "0.0 s",
        "9.9 s",
        "64 s",
        "119 s",
        "2.5 min",
        "60 min",
        "2.0 h",
        "24 h",
        "2.3 days",
    ]
