"""Other people's tools for DICOM, called by tests; each test that needs one is skipped where it is not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = {
    "dciodvfy": "dicom3tools",
    "dcm2niix": "dcm2niix",
    "dcmdump": "dcmtk",
    "dcm2pnm": "dcmtk",
    "storescu": "dcmtk",
    "storescp": "dcmtk",
    "echoscu": "dcmtk",
    "Orthanc": "orthanc",
}
"""Debian's packages of tools."""
YOUNG_TAGS = ("(0x0008,0x001c)",)
"""SyntheticData is younger than dciodvfy's dictionary."""


def needs(*tools: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test with the reason where a tool is missing."""
    missing = [f"{tool} (Debian's {PACKAGES[tool]})" for tool in tools if not place_of(tool)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def place_of(tool: str) -> str:
    """Return the path of a tool, "" where it is not installed; pynetdicom brings scripts with names of dcmtk's, not meant."""
    own = Path(sys.prefix).resolve()
    places = [place for place in os.get_exec_path() if own not in Path(place).resolve().parents]
    return shutil.which(tool, path=os.pathsep.join(["/usr/bin", "/usr/sbin", *places])) or ""


def call(tool: str, *words: str | Path) -> str:
    """Run a tool; return all that it prints."""
    line = [place_of(tool), *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def dciodvfy_errors(path: Path) -> list[str]:
    """Return dciodvfy's errors, but for tags that it does not know yet."""
    lines = call("dciodvfy", path).splitlines()
    assert any(line in ("CTImage", "MRImage", "ParametricMap", "Segmentation") for line in lines), lines
    return [line for line in lines if line.startswith("Error") and not any(tag in line for tag in YOUNG_TAGS)]
