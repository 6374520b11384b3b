"""The contracts of the parts that the command line of pytest names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from transmodal.recipes import plain_yaml
from transmodal.testing.layout import LayoutContract, LayoutExample
from transmodal.testing.metric import MetricContract
from transmodal.testing.translator import TranslatorContract


class TestTranslator(TranslatorContract):
    """Those of `--transmodal-translator`, with the settings of `--transmodal-set`."""

    def parts(self, config: pytest.Config) -> Mapping[str, Mapping[str, Any]]:
        """Return the settings of each translator."""
        return dict.fromkeys(config.getoption("--transmodal-translator"), _settings(config))


class TestLayout(LayoutContract):
    """Those of `--transmodal-layout`, with the folder of `--transmodal-example`."""

    def parts(self, config: pytest.Config) -> Sequence[str]:
        """Return the names of the layouts."""
        return [str(name) for name in config.getoption("--transmodal-layout")]

    def write_example(self, name: str, folder: Path, config: pytest.Config) -> LayoutExample:
        """Take the folder that is named, or have the layout write one."""
        place = config.getoption("--transmodal-example")
        return LayoutExample(Path(place)) if place else super().write_example(name, folder, config)


class TestMetric(MetricContract):
    """Those of `--transmodal-metric`."""

    def parts(self, config: pytest.Config) -> Sequence[str]:
        """Return the names of the metrics."""
        return [str(name) for name in config.getoption("--transmodal-metric")]


def _settings(config: pytest.Config) -> dict[str, Any]:
    words = [str(word).partition("=") for word in config.getoption("--transmodal-set")]
    return {key: plain_yaml.plain_yaml(value, f"--transmodal-set {key}") for key, _, value in words}
