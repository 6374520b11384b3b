"""The service against its own description: schemathesis makes requests from it, by the book and not, and checks the answers."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from served import SOURCE, Served

N_EXAMPLES = int(os.environ.get("TRANSMODAL_SCHEMA_EXAMPLES", "12"))
"""Requests to each operation; thousands on demand."""
OPERATIONS = (
    "GET /", "GET /health", "GET /metrics", "GET /models", "GET /models/{model}", "POST /jobs", "GET /jobs/{job}",
    "PUT /jobs/{job}/sources/{modality}", "POST /jobs/{job}/start", "DELETE /jobs/{job}", "GET /jobs/{job}/result",
    "GET /jobs/{job}/sidecar", "GET /view/{ticket}/",
)  # fmt: skip


@pytest.fixture(scope="module")
def operations(served: Served) -> dict[str, Any]:
    """Return every operation of the description by its label."""
    schema = schemathesis.openapi.from_url(f"http://{served.host}:{served.port}/openapi.json")
    return {one.ok().label: one.ok() for one in schema.get_all_operations()}


def test_every_operation_is_described(operations: dict[str, Any]) -> None:
    assert set(operations) == set(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_those_of_the_description(served: Served, operations: dict[str, Any], label: str) -> None:
    operation, numbers, statuses = operations[label], itertools.count(), set()
    modes = [
        operation.as_strategy(generation_mode=mode) for mode in GenerationMode if can_be(operation, mode)
    ]

    @settings(
        max_examples=N_EXAMPLES,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=st.one_of(modes))
    def check(case: schemathesis.Case) -> None:
        is_real = "job" in (case.path_parameters or {}) and next(numbers) % 2 == 0
        job = placed(case, served) if is_real else ""
        try:
            answer = case.call(headers={"Connection": "close"})
            if answer.status_code == 201:
                job = answer.json()["id"]
            # No schema says which bytes are an image.
            excluded = [positive_data_acceptance] if label.startswith("PUT") else []
            case.validate_response(answer, excluded_checks=excluded)
            assert answer.status_code < 500
            assert answer.headers["x-content-type-options"] == ["nosniff"]
            statuses.add(answer.status_code)
        finally:
            if job:
                served.ask("DELETE", f"/jobs/{job}")

    check()
    assert statuses & {200, 201, 202, 204, 404, 409, 415}


def can_be(operation: Any, mode: GenerationMode) -> bool:  # noqa: ANN401  # of a library without types
    """Return whether requests of a kind can be made: those without parameters have none that are wrong."""
    has_parameters = bool(list(operation.iter_parameters()) or operation.body)
    return mode is GenerationMode.POSITIVE or has_parameters


def placed(case: schemathesis.Case, served: Served) -> str:
    """Let a request be of a job that there is; return the job."""
    job = served.begin()
    case.path_parameters["job"] = job
    if "modality" in case.path_parameters:
        case.path_parameters["modality"] = "t1"
    if case.operation.path.endswith("/start"):
        served.ask("PUT", f"/jobs/{job}/sources/t1", SOURCE.read_bytes())
    return job
