"""The version stands in the code and in the package's metadata: both say the same."""

import tomllib
from pathlib import Path

import transmodal
from transmodal._version import __version__


def test_the_package_and_its_metadata_have_one_version() -> None:
    content = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(content)["project"]["version"] == __version__ == transmodal.__version__
