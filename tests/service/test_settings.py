from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import InputError, ResourceError, UsageError
from transmodal.service.settings import (
    LEAST_TOKEN,
    Settings,
    is_loopback,
    make_token,
    models_of,
    read_token,
)


@pytest.mark.parametrize(
    ("host", "answer"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("192.168.0.1", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_loopback_is_this_machine_alone(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer


def test_an_address_that_others_reach_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--token-file"):
        Settings({}, tmp_path, "0.0.0.0")
    token = make_token()
    assert token not in repr(Settings({}, tmp_path, "0.0.0.0", token=token))


def test_tokens_are_long_and_differ() -> None:
    tokens = {make_token() for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) >= 2 * LEAST_TOKEN


@pytest.mark.parametrize(
    "text", ["short", "", "a token with spaces in it", "x" * 20 + "\xe9", "a" * 20 + "\nb"]
)
def test_what_is_no_token_is_refused_without_being_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="secrets") as caught:
        read_token(tmp_path / "token")
    assert not text or text not in str(caught.value)


def test_the_advice_for_a_token_makes_one(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"  {make_token()}\n")
    assert len(read_token(tmp_path / "token")) > LEAST_TOKEN
    (tmp_path / "token").write_text("a" * 5000)
    with pytest.raises(ResourceError):
        read_token(tmp_path / "token")
    with pytest.raises(InputError, match="no file"):
        read_token(tmp_path / "nowhere")


def test_models_have_names(tmp_path: Path) -> None:
    for name in ("t1-to-fa", "b.tmz", "c d"):
        (tmp_path / name).mkdir()
    models = models_of([str(tmp_path / "t1-to-fa"), str(tmp_path / "b.tmz"), f"third={tmp_path / 'c d'}"])
    assert models == {"t1-to-fa": tmp_path / "t1-to-fa", "b": tmp_path / "b.tmz", "third": tmp_path / "c d"}
    with pytest.raises(UsageError, match="NAME="):
        models_of([str(tmp_path / "c d")])
    with pytest.raises(UsageError, match="two models"):
        models_of([str(tmp_path / "b.tmz"), f"b={tmp_path / 't1-to-fa'}"])
    with pytest.raises(InputError, match="no model"):
        models_of(["x=nowhere"])
    with pytest.raises(UsageError, match="the model name"):
        models_of([f"../x={tmp_path / 'b.tmz'}"])
