"""The routes: models, jobs, their sources, results and pages; each looks up, acts and answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from transmodal._version import __version__
from transmodal.errors import TransmodalError
from transmodal.service import entrance, worker
from transmodal.service.counters import Counters
from transmodal.service.intake import uploads
from transmodal.service.jobs import JobStore, ServiceJob
from transmodal.service.refusals import bad_request, not_there
from transmodal.service.runner import Runner
from transmodal.service.schema import (
    Entrance,
    ErrorAnswer,
    Health,
    JobAnswer,
    ModelFacts,
    ModelList,
    NewJob,
    answer_of,
)
from transmodal.service.settings import Settings
from transmodal.storage import files, regular
from transmodal.viewing.page import SERVED_POLICY, PagePart

STATUSES = (400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 421, 422, 429, 431, 500, 501, 503, 507)
FAULTS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorAnswer} for status in STATUSES}
"""Every refusal that any route can answer with."""

_BLOCK = 1 << 20
_VOLUME = "application/gzip"


class Desk(NamedTuple):
    """A service as its routes see it.

    Attributes:
        settings: of the service.
        facts: of each model by its name.
        store: of the jobs.
        runner: of the jobs.
        counters: of the service.
        shared: parts of all pages; empty where the viewer is not installed.
    """

    settings: Settings
    facts: Mapping[str, Mapping[str, Any]]
    store: JobStore
    runner: Runner
    counters: Counters
    shared: Mapping[str, PagePart]

    def answer(self, job: ServiceJob) -> JobAnswer:
        """Return what a client is told of a job."""
        return answer_of(job, self.store.expires(job), has_page=bool(self.shared))

    def facts_of(self, name: str) -> ModelFacts:
        """Return what a client is told of a model.

        Raises:
            Refusal: 404.
        """
        if name not in self.facts:
            raise not_there("no model of that name", "Choose one that GET /models lists.")
        return ModelFacts(name=name, **self.facts[name])


def router(desk: Desk) -> APIRouter:
    """Return all routes over a desk."""
    routes = APIRouter()
    _add_service(routes, desk)
    _add_jobs(routes, desk)
    _add_results(routes, desk)
    return routes


def _add_service(routes: APIRouter, desk: Desk) -> None:
    """Add what tells of the service itself."""

    @routes.get(
        "/", tags=["service"], responses={200: {"content": {"text/html": {}}}}, response_model=Entrance
    )
    async def enter(request: Request) -> Entrance | Response:
        """Say what this is; browsers, which ask for HTML, get a page to translate on."""
        is_browser = entrance.is_asked_for("/", request.headers)
        return _page("/") if is_browser else Entrance(name="transmodal", version=__version__)

    @routes.get("/page.css", include_in_schema=False)
    @routes.get("/page.js", include_in_schema=False)
    async def page_part(request: Request) -> Response:
        """Return a part of the page for browsers."""
        return _page(request.url.path)

    @routes.get("/health", tags=["service"])
    async def health() -> Health:
        """Say that the service answers; needs no token."""
        return Health()

    @routes.get("/metrics", tags=["service"], response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Return figures for Prometheus."""
        text = desk.counters.text(desk.store.counts())
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @routes.get("/models", tags=["models"])
    async def models() -> ModelList:
        """List the models."""
        return ModelList(models=[desk.facts_of(name) for name in desk.facts])

    @routes.get("/models/{model}", tags=["models"])
    async def model_facts(model: str) -> ModelFacts:
        """Return what is known of a model."""
        return desk.facts_of(model)


def _page(path: str) -> Response:
    part = entrance.parts()[path]
    return Response(part.content, media_type=part.kind, headers={"Content-Security-Policy": entrance.POLICY})


def _add_jobs(routes: APIRouter, desk: Desk) -> None:
    """Add what brings a job from its beginning to its end."""
    upload: dict[str, Any] = {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    }

    @routes.post("/jobs", status_code=201, tags=["jobs"])
    async def begin(new: NewJob, response: Response) -> JobAnswer:
        """Begin a job; its sources are uploaded next."""
        desk.facts_of(new.model)
        job = desk.store.create(new.model, new.gate)
        response.headers["Location"] = f"/jobs/{job.id}"
        return desk.answer(job)

    @routes.get("/jobs/{job}", tags=["jobs"])
    async def show(job: str) -> JobAnswer:
        """Say how far a job is."""
        return desk.answer(desk.store.get(job))

    @routes.put("/jobs/{job}/sources/{modality}", tags=["jobs"], openapi_extra=upload)
    async def put_source(job: str, modality: str, request: Request) -> JobAnswer:
        """Take one source: NIfTI, MetaImage, a DICOM file, or a zip archive of a DICOM series, as it is."""
        return desk.answer(await _receive(desk, job, modality, request))

    @routes.post("/jobs/{job}/start", status_code=202, tags=["jobs"])
    async def start(job: str) -> JobAnswer:
        """Let a job whose sources are there wait for its turn; again changes nothing."""
        return desk.answer(_start(desk, desk.store.get(job)))

    @routes.delete("/jobs/{job}", status_code=204, tags=["jobs"])
    async def delete(job: str) -> Response:
        """End a job, and remove it with all that it has."""
        desk.runner.cancel(desk.store.get(job))
        return Response(status_code=204)


def _add_results(routes: APIRouter, desk: Desk) -> None:
    """Add what a job leaves."""

    @routes.get(
        "/jobs/{job}/result",
        tags=["results"],
        response_class=StreamingResponse,
        responses={200: {"content": {_VOLUME: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def result(job: str) -> StreamingResponse:
        """Return the synthetic volume, NIfTI."""
        path = _result_of(desk, job, worker.RESULT)
        return _stream(path, _VOLUME, {"Content-Disposition": f'attachment; filename="{worker.RESULT}"'})

    @routes.get("/jobs/{job}/sidecar", tags=["results"])
    async def sidecar(job: str) -> dict[str, Any]:
        """Return how the synthetic volume came about."""
        return files.read_json(_result_of(desk, job, worker.SIDECAR))

    @routes.get("/view/{ticket}/{part}", tags=["results"], response_class=Response, include_in_schema=False)
    @routes.get("/view/{ticket}/", tags=["results"], response_class=Response)
    async def view(ticket: str, part: str = "") -> Response:
        """Return a page of source and synthetic, or a part of it."""
        return _part_of(desk, desk.store.of_ticket(ticket), part)


async def _receive(desk: Desk, job_id: str, modality: str, request: Request) -> ServiceJob:
    """Take an upload; meanwhile the job may be deleted or started."""
    job = _open(desk.store.get(job_id))
    if modality not in desk.facts[job.model]["sources"]:
        raise not_there("no source of that modality", "Choose one that GET /models lists for the model.")
    folder, limit = desk.store.folder_of(job), desk.settings.limits.upload_bytes
    with desk.store.receiving(job):
        try:
            name = await uploads.receive(request.stream(), folder, modality, limit)
        except TransmodalError:
            desk.store.get(job_id)  # a job that was deleted meanwhile is no fault of the disk's
            raise
        return desk.store.add_source(_open(desk.store.get(job_id)), modality, name)


def _open(job: ServiceJob) -> ServiceJob:
    if job.state != "open":
        raise bad_request("a job that was started", "one that was not", "Begin another: POST /jobs.", 409)
    return job


def _start(desk: Desk, job: ServiceJob) -> ServiceJob:
    if job.state != "open":
        return job
    facts = desk.facts[job.model]
    missing = [name for name in facts["sources"] if name not in job.sources]
    if missing and not (job.sources and facts["accepts_missing"]):
        raise bad_request(
            f"a job without {', '.join(missing)}",
            "all its sources",
            f"Upload it: PUT /jobs/JOB/sources/{missing[0]}",
            409,
        )
    return desk.runner.queue(job)


def _result_of(desk: Desk, job_id: str, name: str) -> Path:
    job = desk.store.get(job_id)
    if job.state != "done":
        raise bad_request(
            f"a job that is {job.state}", "one that is done", "Ask again later: GET /jobs/JOB.", 409
        )
    return desk.store.folder_of(job) / name


def _part_of(desk: Desk, job: ServiceJob, name: str) -> Response:
    """Return a part of a page: a shared one, the page itself, or a volume by its number."""
    if name in desk.shared:
        part = desk.shared[name]
        return Response(part.content, media_type=part.kind)
    own = {f"volume-{n}.nii" for n in range(len(job.sources) + 1)}
    if job.state != "done" or not desk.shared or (name and name not in own):
        raise not_there("no such part of a page", "Open the address that the job's answer names.")
    path = desk.store.folder_of(job) / worker.VIEW / (name or "index.html")
    if name:
        return _stream(path, "application/octet-stream", {})
    return _stream(path, "text/html; charset=utf-8", {"Content-Security-Policy": SERVED_POLICY})


def _stream(path: Path, kind: str, headers: Mapping[str, str]) -> StreamingResponse:
    """Return a file, block by block."""
    file = regular.open_file(path)

    async def blocks() -> AsyncIterator[bytes]:
        with file:
            while block := await asyncio.to_thread(file.read, _BLOCK):
                yield block

    length = str(path.stat().st_size)
    return StreamingResponse(blocks(), media_type=kind, headers={"Content-Length": length, **headers})
