"""Logs as lines of JSON, of counts, statuses and times alone: no path, no name of a file, no word of a request."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

from transmodal.storage import files

LOGGER = "transmodal.service"
FOREIGN = ("uvicorn.error", "asyncio", "pynetdicom")
"""Loggers of libraries: that they said something is logged, not what they said."""

_log = logging.getLogger(LOGGER)


class JsonFormatter(logging.Formatter):
    """One line of JSON for a record; of a library's record its logger, its place and the type of its exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {"time": _instant(record.created), "level": record.levelname.lower()}
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line |= {"event": record.msg, **fields}
        else:
            line |= {"event": "library", "logger": record.name, "place": f"{record.module}:{record.lineno}"}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line)


def start(level: int = logging.INFO) -> None:
    """Send the service's events, and those of the libraries below it, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in (LOGGER, *FOREIGN):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level if name == LOGGER else logging.ERROR)


def event(name: str, fields: Mapping[str, str | float]) -> None:
    """Log an event with figures and words of our own."""
    _log.info(name, extra={"fields": dict(fields)})


def mark(job: str) -> str:
    """Return what stands for a job in logs: whoever reads them cannot ask for the job by it."""
    return files.sha256_text(job)[:12]


def _instant(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"
