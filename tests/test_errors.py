"""The error family: codes, exit statuses, one line."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from transmodal import errors

ROOT = Path(__file__).parent.parent


def test_a_line_has_code_got_expected_and_remedy() -> None:
    error = errors.InputError("E101", "t1.nii ends\nearly", "a whole file", "Copy it again.")
    assert error.line() == "error[E101]: t1.nii ends early; expected a whole file. Copy it again."


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.UsageError, 2),
        (errors.InputError, 3),
        (errors.ResourceError, 4),
        (errors.IntegrityError, 5),
        (errors.InternalError, 6),
    ],
)
def test_exit_statuses_are_stable(kind: type[errors.TransmodalError], status: int) -> None:
    assert kind.exit_status == status


def test_an_unknown_code_is_a_bug() -> None:
    with pytest.raises(ValueError, match="E999"):
        errors.InputError("E999", "a", "b", "c")


def test_errors_cross_process_boundaries() -> None:
    error = errors.ResourceError("E402", "a", "b", "c")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is errors.ResourceError
    assert back.line() == error.line()


def test_every_code_that_the_package_raises_is_documented() -> None:
    used = set()
    for source in (ROOT / "src").rglob("*.py"):
        used |= set(re.findall(r'"(E\d{3})"', source.read_text(encoding="utf-8")))
    assert used == set(errors.CODES)
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    for code, meaning in errors.CODES.items():
        assert f"| {code} | {meaning} |" in page
