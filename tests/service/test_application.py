"""The application in this process, with a runner that does not run: routes, their states and their refusals."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from asgi_calls import ask, call
from served import SOURCE
from transmodal.service import application, runner, worker
from transmodal.service.guard import Guard, Message, Receive, Send
from transmodal.service.jobs import JobStore
from transmodal.service.settings import Limits, Settings
from transmodal.viewing import niivue

FACTS: dict[str, Any] = {
    "recipe": "tiny", "translator": "unet_regression", "sources": ["t1"], "accepts_missing": False, "target": "fa",
    "unit": "FA", "spacing_mm": None, "weights_sha256": "0", "epoch": 1, "step": 2,
    "best": {"metric": "mae", "value": None}, "checks_sources": True, "device": "cpu", "engine": "torch",
}  # fmt: skip
BOTH = {**FACTS, "sources": ["t1", "t2"]}


@pytest.fixture
def service(tmp_path: Path) -> Guard:
    settings = Settings({"fa": tmp_path, "pd": tmp_path, "any": tmp_path}, tmp_path, limits=Limits(jobs=4))
    facts = {"fa": FACTS, "pd": BOTH, "any": {**BOTH, "accepts_missing": True}}
    return application.build(settings, facts)


def begin(service: Guard, model: str = "fa") -> str:
    answer = ask(service, "POST", "/jobs", {"model": model})
    assert answer.status == 201
    assert answer.headers["location"] == f"/jobs/{answer.json()['id']}"
    return str(answer.json()["id"])


def upload(service: Guard, job: str, modality: str = "t1") -> int:
    return ask(service, "PUT", f"/jobs/{job}/sources/{modality}", SOURCE.read_bytes()).status


def test_the_service_tells_of_itself(service: Guard) -> None:
    assert ask(service, "GET", "/").json()["name"] == "transmodal"
    assert ask(service, "GET", "/health").json() == {"status": "ok"}
    assert [model["name"] for model in ask(service, "GET", "/models").json()["models"]] == ["fa", "pd", "any"]
    assert ask(service, "GET", "/models/fa").json()["sources"] == ["t1"]
    assert ask(service, "GET", "/models/x").status == 404
    assert b"transmodal_jobs" in ask(service, "GET", "/metrics").content
    paths = ask(service, "GET", "/openapi.json").json()["paths"]
    assert {"/jobs", "/jobs/{job}", "/jobs/{job}/result", "/models"} <= set(paths)


def test_a_job_is_filled_started_and_removed(service: Guard, tmp_path: Path) -> None:
    job = begin(service)
    assert ask(service, "POST", f"/jobs/{job}/start").status == 409
    assert ask(service, "GET", f"/jobs/{job}/result").status == 409
    assert upload(service, job, "t2") == 404
    assert upload(service, job) == upload(service, job) == 200
    assert (tmp_path / job / "t1.nii.gz").read_bytes() == SOURCE.read_bytes()
    for _ in range(2):
        answer = ask(service, "POST", f"/jobs/{job}/start")
        assert (answer.status, answer.json()["state"]) == (202, "queued")
    assert upload(service, job) == 409
    assert ask(service, "DELETE", f"/jobs/{job}").status == 204
    assert ask(service, "DELETE", f"/jobs/{job}").status == 404
    assert not (tmp_path / job).exists()


def test_an_upload_to_a_job_that_is_deleted_meanwhile_is_to_none(service: Guard, tmp_path: Path) -> None:
    job = begin(service)
    content = SOURCE.read_bytes()

    async def scene() -> int:
        paused = Paused(service)
        upload = asyncio.create_task(call(paused, "PUT", f"/jobs/{job}/sources/t1", content))
        await paused.is_half.wait()
        second = await call(service, "PUT", f"/jobs/{job}/sources/t1", content)
        assert second.status == 409
        assert (await call(service, "DELETE", f"/jobs/{job}")).status == 204
        paused.goes_on.set()
        return (await upload).status

    assert asyncio.run(scene()) == 404
    assert not (tmp_path / job).exists()


class Paused:
    """An application whose bodies come in two parts with a pause between them."""

    def __init__(self, inner: Guard) -> None:
        self._inner = inner
        self.is_half, self.goes_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        parts: list[bytes] = []

        async def slowly() -> Message:
            if not parts:
                parts.append((await receive())["body"])
                return {"type": "http.request", "body": parts[0][:1000], "more_body": True}
            self.is_half.set()
            await self.goes_on.wait()
            return {"type": "http.request", "body": parts[0][1000:], "more_body": False}

        await self._inner(scope, slowly, send)


def test_all_sources_have_to_be_there_unless_the_model_does_without(service: Guard) -> None:
    for model, status in (("pd", 409), ("any", 202)):
        job = begin(service, model)
        assert ask(service, "POST", f"/jobs/{job}/start").status == 409
        assert upload(service, job, "t2") == 200
        answer = ask(service, "POST", f"/jobs/{job}/start")
        assert answer.status == status
        if status == 409:
            assert answer.json()["error"]["remedy"].endswith("/sources/t1")


def test_results_are_given_out(tmp_path: Path) -> None:
    settings = Settings({"fa": tmp_path}, tmp_path)
    store = JobStore(tmp_path, settings.limits, settings.models)
    job = store.create("fa", "refuse")
    folder = store.folder_of(job)
    store.advance(store.add_source(job, "t1", "t1.nii"), "done")
    (folder / worker.RESULT).write_bytes(b"volume")
    (folder / worker.SIDECAR).write_text('{"synthetic": true}')
    (folder / worker.VIEW).mkdir()
    (folder / worker.VIEW / "index.html").write_text("<html>")
    (folder / worker.VIEW / "volume-1.nii").write_bytes(b"n")
    service = application.build(settings, {"fa": FACTS})
    answer = ask(service, "GET", f"/jobs/{job.id}")
    assert answer.json()["state"] == "done"
    assert ask(service, "GET", answer.json()["result"]).content == b"volume"
    assert ask(service, "GET", answer.json()["sidecar"]).json() == {"synthetic": True}
    if not niivue.is_installed():
        return
    page = answer.json()["viewer"]
    assert ask(service, "GET", page).content == b"<html>"
    assert ask(service, "GET", page + "volume-1.nii").content == b"n"
    assert ask(service, "GET", page + "viewer.css").status == 200
    assert ask(service, "GET", page + "volume-2.nii").status == 404
    (folder / worker.RESULT).unlink()
    answer = ask(service, "GET", f"/jobs/{job.id}/result")
    assert answer.status in (422, 500)
    assert str(tmp_path) not in answer.content.decode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nowhere", None, 404, "E008"),
        ("PATCH", "/jobs", None, 405, "E006"),
        ("POST", "/jobs", {"model": "x"}, 404, "E008"),
        ("POST", "/jobs", {"model": "fa", "DOE^JOHN": 1}, 422, "E006"),
        ("POST", "/jobs", b"{", 422, "E006"),
        ("GET", "/jobs/x", None, 404, "E008"),
    ],
)
def test_refusals_have_codes(
    service: Guard, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = ask(service, method, path, body)
    assert (answer.status, answer.json()["error"]["code"]) == (status, code)
    assert b"DOE" not in answer.content
    if status == 405:
        assert answer.headers["allow"] == "POST"


def test_without_the_viewer_there_are_no_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(niivue, "_widget", lambda: None)
    niivue.script.cache_clear()
    assert application._shared() == {}
    niivue.script.cache_clear()


def test_the_runner_lives_as_long_as_the_application(service: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    async def run(self: object) -> None:
        seen.append("began")
        try:
            await asyncio.sleep(60)
        finally:
            seen.append("ended")

    monkeypatch.setattr(runner.Runner, "run", run)

    async def live() -> None:
        messages = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}]

        async def receive() -> dict[str, str]:
            await asyncio.sleep(0)
            return messages.pop()

        async def send(message: dict[str, str]) -> None:
            seen.append(message["type"])
            await asyncio.sleep(0.01)

        await service({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)

    asyncio.run(live())
    assert seen == ["lifespan.startup.complete", "began", "ended", "lifespan.shutdown.complete"]
