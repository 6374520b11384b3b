"""Bodies of requests and answers, as the OpenAPI description says them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from transmodal.notice import INTENDED_USE
from transmodal.service.jobs import Policy, ServiceJob, State


class ClosedBody(BaseModel):
    """A body without keys that are not known."""

    model_config = ConfigDict(extra="forbid")


class NewJob(ClosedBody):
    """A job to begin."""

    model: Annotated[str, Field(max_length=64, description="Name of a model.")]
    gate: Annotated[
        Policy,
        Field(
            description="Of a source unlike training's: refuse, strict (on a warning too), warn (translate all the same)."
        ),
    ] = "refuse"


class ErrorParts(ClosedBody):
    """An error of this package."""

    code: Annotated[str, Field(pattern=r"^E\d{3}$", description="Stable code.")]
    got: str
    expected: str
    remedy: Annotated[str, Field(description="What to do next.")]


class ErrorAnswer(ClosedBody):
    """The answer to a request that is refused."""

    error: ErrorParts


class Best(ClosedBody):
    """The figure by which the checkpoint was chosen."""

    metric: str
    value: float | None


class ModelFacts(ClosedBody):
    """A model, and how it came about."""

    name: str
    recipe: str
    translator: str
    sources: list[str]
    accepts_missing: Annotated[bool, Field(description="Whether sources may be absent, all but one.")]
    target: str
    unit: Annotated[str, Field(description="Of the synthetic values.")]
    spacing_mm: float | None
    weights_sha256: str
    epoch: int
    step: int
    best: Best
    checks_sources: Annotated[
        bool, Field(description="Whether sources are compared with those of the training.")
    ]
    device: str
    engine: str


class ModelList(ClosedBody):
    """The models that there are."""

    models: list[ModelFacts]
    intended_use: str = INTENDED_USE


class JobAnswer(ClosedBody):
    """A job, how far it is, and where its results are."""

    id: str
    model: str
    gate: Policy
    state: State
    sources: Annotated[list[str], Field(description="Modalities that were uploaded.")]
    completed: Annotated[int, Field(description="Windows that are complete.")]
    total: Annotated[int, Field(description="All windows; 0 before that is known.")]
    expires: Annotated[
        float | None, Field(description="When it is removed, seconds since 1970; null while it is computed.")
    ]
    result: Annotated[str | None, Field(description="Address of the synthetic volume, once it is done.")] = (
        None
    )
    sidecar: Annotated[str | None, Field(description="Address of how it came about.")] = None
    viewer: Annotated[str | None, Field(description="Address of a page, which holds a ticket: keep it.")] = (
        None
    )
    error: ErrorParts | None = None
    intended_use: str = INTENDED_USE


class Health(ClosedBody):
    """Whether the service answers."""

    status: Literal["ok"] = "ok"


class Entrance(ClosedBody):
    """The service, and where things are."""

    name: str
    version: str
    intended_use: str = INTENDED_USE
    models: str = "/models"
    jobs: str = "/jobs"
    description: str = "/openapi.json"


def answer_of(job: ServiceJob, expires: float | None, *, has_page: bool) -> JobAnswer:
    """Return what a client is told of a job."""
    is_done = job.state == "done"
    return JobAnswer(
        id=job.id,
        model=job.model,
        gate=job.gate,
        state=job.state,
        sources=sorted(job.sources),
        completed=job.completed,
        total=job.total,
        expires=expires,
        result=f"/jobs/{job.id}/result" if is_done else None,
        sidecar=f"/jobs/{job.id}/sidecar" if is_done else None,
        viewer=f"/view/{job.ticket}/" if is_done and has_page else None,
        error=ErrorParts(**job.error) if job.error else None,
    )
