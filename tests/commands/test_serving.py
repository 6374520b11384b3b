from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import transmodal
from transmodal.errors import UsageError
from transmodal.service import server
from transmodal.service.settings import Settings


@pytest.mark.usefixtures("folders")
def test_the_function_takes_what_the_command_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    services: list[Settings] = []

    def serve(own: Settings, announce: Callable[[str], None]) -> None:
        services.append(own)
        announce("http://127.0.0.1:1/")

    monkeypatch.setattr(server, "serve", serve)
    addresses: list[str] = []
    transmodal.serve(Path("run"), port=0, max_upload=1.5, announce=addresses.append)
    assert addresses == ["http://127.0.0.1:1/"]
    assert capsys.readouterr() == ("", "")
    transmodal.serve(["a=run", Path("run")], host="0.0.0.0", folder="jobs")
    assert [list(own.models) for own in services] == [["run"], ["a", "run"]]
    assert services[0].limits.upload_bytes == 3 << 19
    assert services[1].token in capsys.readouterr().err
    with pytest.raises(UsageError, match="model name"):
        transmodal.serve("a b=run")
