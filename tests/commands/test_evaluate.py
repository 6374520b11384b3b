"""What `evaluate` says of metrics that need a network, before it reads anything."""

from __future__ import annotations

import pytest

from cli_calls import check_error
from transmodal import cli


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (
            "--metrics lpips",
            "E004",
            "Download alexnet-owt-7be5be79.pth of https://download.pytorch.org/models",
        ),
        ("--metrics fid", "E004", "pt_inception-2015-12-05-6726825d.pth"),
        ("--metrics lpips --weights lpips=gone.pth --weights lpips_heads=random", "E100", "gone.pth"),
        ("--metrics dice", "E004", "the metric dice without a segmenter"),
        ("--metrics dice --segmenter gone.onnx", "E100", "gone.onnx"),
        ("--metrics dice --segmenter gone.onnx --segmenter-window 1", "E001", "--segmenter-window 1"),
        ("--metrics dice --segmenter gone.onnx --segmenter-window=2,1", "E001", "the window 2,1"),
        ("--weights inception=x.pth", "E004", "weights of inception without the metric"),
    ],
)
def test_refusals(words: str, code: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    check_error(f"evaluate no-run --cohort no-cohort {words}", code, part, capsys)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--fuse", "max"], "'--fuse'"),
        (["--draws", "0"], "'--draws'"),
        (["--translate-with", "none"], "'--translate-with'"),
        (["--samples", "3"], "No such option"),
    ],
)
def test_words_that_no_option_takes_are_refused_while_they_are_parsed(
    words: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["evaluate", "run", "--cohort", "cohort", *words]) == 2
    assert part in capsys.readouterr().err
