"""Where and when figures were taken: machine, load, commit, versions."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def describe_place() -> dict[str, Any]:
    """Return date, commit, machine, load and the versions of all that may run in a benchmark."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": describe_commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory_gib()} GiB, {platform.system()}",
        "load": round(os.getloadavg()[0], 1),
        "versions": {"python": platform.python_version(), **versions()},
    }


def describe_commit() -> str:
    """Return the commit, and whether files differ from it."""
    call = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=, changed"]
    process = subprocess.run(call, capture_output=True, text=True, check=False)
    return process.stdout.strip() or "not in git"


def processor() -> str:
    """Return the processor's model, as Linux says it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def versions() -> dict[str, str]:
    """Return the versions of the packages that we stand on or run beside, without those that are not installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    requirements = ["numpy", "torch", "nibabel", "scipy", *extras.get("export", []), *extras["benchmarks"]]
    installed = {
        dist.name.lower().replace("_", "-"): dist.version for dist in importlib.metadata.distributions()
    }
    names = [re.split(r"[<>=\[!~ ]", requirement)[0].lower() for requirement in requirements]
    return {name: installed[name] for name in names if name in installed}
