from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from transmodal.service import logs


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """Leave the loggers as they were."""
    names = (logs.LOGGER, *logs.FOREIGN)
    before = [
        (logging.getLogger(n).handlers, logging.getLogger(n).propagate, logging.getLogger(n).level)
        for n in names
    ]
    yield
    for name, (handlers, propagates, level) in zip(names, before, strict=True):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = handlers, propagates
        logger.setLevel(level)


def test_events_are_lines_of_json_and_libraries_are_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.start()
    logs.event("answer", {"status": 200, "seconds": 0.5})
    try:
        raise ValueError("DOE^JOHN")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("failed on %s", "DOE^JOHN")
    logging.getLogger("uvicorn.error").info("hello")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first | {"time": ""} == {
        "time": "",
        "level": "info",
        "event": "answer",
        "status": 200,
        "seconds": 0.5,
    }
    assert first["time"].endswith("Z")
    assert (second["event"], second["exception"], second["logger"]) == (
        "library",
        "ValueError",
        "uvicorn.error",
    )
    assert "DOE" not in json.dumps(second)


def test_the_mark_of_a_job_is_not_its_id() -> None:
    assert logs.mark("a" * 32) == logs.mark("a" * 32) != logs.mark("b" * 32)
    assert "aaa" not in logs.mark("a" * 32)
