"""`transmodal translators`: a row for each, with the same figures as in JSON."""

from __future__ import annotations

import json

import pytest

from transmodal import cli, translators


def test_each_translator_is_a_row_with_the_figures_of_the_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(translators, "names", lambda: ("unet_regression", "pix2pix"))
    assert cli.run(["translators", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == ["unet_regression", "pix2pix"]
    assert cli.run(["translators"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["translator", "pairing", "needs"]
    for row, record in zip(rows, records, strict=True):
        assert row.startswith(record["name"])
        assert f"{record['generator_parameters'] / 1e6:.2f} M" in row
        assert row.endswith(record["paper"])
    # Numbers end below one another.
    assert len({row.index(" M") for row in rows}) == 1


def test_it_takes_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["translators", "pix2pix"]) == 2
    assert "pix2pix" in capsys.readouterr().err
