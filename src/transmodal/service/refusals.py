"""Refusals of requests: an HTTP status and an error with its code, as every answer other than a success carries them."""

from __future__ import annotations

from collections.abc import Mapping

from transmodal.errors import (
    InputError,
    IntegrityError,
    InternalError,
    ResourceError,
    TransmodalError,
    UsageError,
)

STATUS_OF_CODE = {"E401": 413, "E402": 503, "E403": 507, "E404": 501, "E405": 500, "E601": 500}
"""Where an error of the package itself is no 422."""

_PLACES = ("E005", "E403")
_KINDS = {"E0": UsageError, "E1": InputError, "E4": ResourceError, "E5": IntegrityError}


class Refusal(Exception):  # noqa: N818  # it is a refusal
    """A request that is refused.

    Attributes:
        status: of HTTP.
        error: why, and what to do.
        headers: of the answer, besides those of every answer.
    """

    def __init__(self, status: int, error: TransmodalError, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.error = error
        self.headers = dict(headers or {})
        super().__init__(error.line())


def from_error(error: TransmodalError) -> Refusal:
    """Return the refusal for an error of the package; one over the service's own folder does not say where that is."""
    if error.code in _PLACES:
        error = place_error()
    return Refusal(STATUS_OF_CODE.get(error.code, 422), error)


def place_error() -> ResourceError:
    """Return the error for a folder of the service's own that is full or may not be written; where that is nobody is told."""
    fact, remedy = "the service cannot read or write its own folder", "Tell those who run the service."
    return ResourceError("E403", fact, "room and permission", remedy)


def body_of(error: TransmodalError) -> dict[str, dict[str, str]]:
    """Return what an answer says of an error."""
    return {"error": describe(error)}


def error_of(parts: Mapping[str, str]) -> TransmodalError:
    """Return the error that `describe` took apart."""
    code = parts["code"]
    kind = _KINDS.get(code[:2], InternalError)
    return kind(code, parts["got"], parts["expected"], parts["remedy"])


def describe(error: TransmodalError) -> dict[str, str]:
    """Return the parts of an error by name."""
    return {"code": error.code, "got": error.got, "expected": error.expected, "remedy": error.remedy}


def bad_request(fact: str, expected: str, remedy: str, status: int = 400) -> Refusal:
    """Return the refusal of a request that is not as the service takes them."""
    return Refusal(status, UsageError("E006", fact, expected, remedy))


def no_access(fact: str, expected: str, remedy: str, status: int = 403) -> Refusal:
    """Return the refusal of a request that nobody may make, or not without the token."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Refusal(status, UsageError("E007", fact, expected, remedy), headers)


def not_there(fact: str, remedy: str) -> Refusal:
    """Return the refusal of a request for what there is not."""
    return Refusal(404, UsageError("E008", fact, "what the service has", remedy))


def too_much(fact: str, expected: str, remedy: str, status: int) -> Refusal:
    """Return the refusal of a request that goes beyond a limit."""
    headers = {"Retry-After": "30"} if status in (429, 503) else {}
    return Refusal(status, ResourceError("E406", fact, expected, remedy), headers)
