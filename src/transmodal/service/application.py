"""The application: routes below the guard, errors as this package says them, and the runner for as long as it lives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from transmodal._version import __version__
from transmodal.errors import ResourceError, TransmodalError
from transmodal.notice import INTENDED_USE
from transmodal.service import logs
from transmodal.service.counters import Counters
from transmodal.service.guard import CLIENT_GONE, ClientGone, Guard, bug_of
from transmodal.service.jobs import JobStore
from transmodal.service.refusals import Refusal, bad_request, body_of, from_error, not_there
from transmodal.service.routes import FAULTS, Desk, router
from transmodal.service.runner import Runner
from transmodal.service.settings import Settings
from transmodal.viewing.page import PagePart, shared_parts


def build(settings: Settings, facts: Mapping[str, Mapping[str, Any]]) -> Guard:
    """Return the application of a service.

    Args:
        settings: of the service; the jobs of its folder are taken over.
        facts: of the models, by name.
    """
    counters, shared = Counters(), _shared()
    store = JobStore(settings.folder, settings.limits, settings.models)
    runner = Runner(settings, store, counters, has_page=bool(shared))
    inner = FastAPI(
        title="transmodal",
        version=__version__,
        description=f"Translates medical images from one modality to another. {INTENDED_USE}",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_life(runner),
        responses=FAULTS,
    )
    inner.include_router(router(Desk(settings, facts, store, runner, counters, shared)))
    _add_handlers(inner, counters)
    return Guard(inner, settings, counters)


def _shared() -> dict[str, PagePart]:
    """Return the parts of all pages; none where the viewer is not installed."""
    try:
        return shared_parts()
    except ResourceError:
        return {}


def _life(runner: Runner) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(runner.run())
        logs.event("started", {})
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        logs.event("stopped", {})

    return life


def _add_handlers(inner: FastAPI, counters: Counters) -> None:
    """Let every error of the routes be answered by a code, what was got, what was expected and what to do."""

    def answer(refusal: Refusal) -> JSONResponse:
        counters.count_refusal(refusal.error.code)
        return JSONResponse(body_of(refusal.error), refusal.status, refusal.headers)

    @inner.exception_handler(Refusal)
    async def refused(_: Request, error: Refusal) -> JSONResponse:
        return answer(error)

    @inner.exception_handler(TransmodalError)
    async def failed(_: Request, error: TransmodalError) -> JSONResponse:
        return answer(from_error(error))

    @inner.exception_handler(RequestValidationError)
    async def not_valid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer(_of_validation(error))

    @inner.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> JSONResponse:
        return answer(_of_http(error))

    @inner.exception_handler(ClientGone)
    async def gone(_: Request, __: ClientGone) -> JSONResponse:
        return JSONResponse(None, CLIENT_GONE)

    @inner.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> JSONResponse:
        return answer(from_error(bug_of(error)))


def _of_validation(error: RequestValidationError) -> Refusal:
    """Return the refusal of a body that does not fit; without its values, which can be a patient's."""
    places = sorted({".".join(str(part) for part in _place(fault)) for fault in error.errors()})
    return bad_request(
        f"a body that does not fit at {', '.join(places)[:200]}",
        "a JSON object as GET /openapi.json describes it, with Content-Type: application/json",
        "Correct it.",
        422,
    )


def _place(fault: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Return where a fault is: keys of ours by name, unknown ones not."""
    place: tuple[str | int, ...] = tuple(fault.get("loc", ()))
    return place[:1] if fault.get("type") in ("extra_forbidden", "json_invalid") else place


def _of_http(error: HTTPException) -> Refusal:
    if error.status_code == 404:
        return not_there("no such address", "See GET /openapi.json for those that there are.")
    if error.status_code == 405:
        allowed = dict(error.headers or {})
        refusal = bad_request(
            "a method that this address does not take", "one of its own", "See GET /openapi.json.", 405
        )
        refusal.headers |= allowed
        return refusal
    return bad_request(
        "a body that cannot be read",
        "a JSON object",
        "Send it with Content-Type: application/json.",
        error.status_code,
    )
