from __future__ import annotations

from transmodal.progress import Silent, report_stage


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
