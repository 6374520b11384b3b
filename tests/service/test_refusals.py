from __future__ import annotations

import pytest

from transmodal.errors import (
    CODES,
    InputError,
    IntegrityError,
    InternalError,
    ResourceError,
    TransmodalError,
    UsageError,
)
from transmodal.service import refusals


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("E101", "a", "b", "c"), 422),
        (ResourceError("E401", "a", "b", "c"), 413),
        (ResourceError("E402", "a", "b", "c"), 503),
        (ResourceError("E404", "a", "b", "c"), 501),
        (InternalError("E601", "a", "b", "c"), 500),
    ],
)
def test_errors_of_the_package_have_a_status(error: TransmodalError, status: int) -> None:
    assert refusals.from_error(error).status == status
    assert refusals.body_of(error) == {
        "error": {"code": error.code, "got": "a", "expected": "b", "remedy": "c"}
    }


@pytest.mark.parametrize("kind", [UsageError, InputError, ResourceError, IntegrityError, InternalError])
def test_an_error_is_taken_apart_and_put_together(kind: type[TransmodalError]) -> None:
    code = next(
        code
        for code in CODES
        if refusals.error_of(refusals.describe(kind(code, "", "", ""))).exit_status == kind.exit_status
    )
    back = refusals.error_of(refusals.describe(kind(code, "a", "b", "c")))
    assert type(back) is kind
    assert back.line() == kind(code, "a", "b", "c").line()


def test_refusals_say_when_to_come_back_and_what_to_bring() -> None:
    assert refusals.too_much("a", "b", "c", 429).headers == {"Retry-After": "30"}
    assert refusals.too_much("a", "b", "c", 413).headers == {}
    assert refusals.no_access("a", "b", "c", 401).headers == {"WWW-Authenticate": "Bearer"}
    assert refusals.no_access("a", "b", "c").headers == {}
    assert "E008" in str(refusals.not_there("a", "b"))


@pytest.mark.parametrize(
    "error", [ResourceError("E403", "/srv/jobs", "", ""), UsageError("E005", "/srv/jobs", "", "")]
)
def test_the_place_of_the_service_is_not_said(error: TransmodalError) -> None:
    refusal = refusals.from_error(error)
    assert (refusal.status, refusal.error.code) == (507, "E403")
    assert "srv" not in str(refusal)
