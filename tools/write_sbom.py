"""Write the bill of materials of a release (CycloneDX, JSON): the packages that a user gets with transmodal and its extras.

Run it in an environment that holds them at the pinned versions, once per release; the file goes beside the release, not
into the repository.

    python tools/write_sbom.py transmodal-0.1.0.cdx.json
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
INNER = ("test", "docs", "audit", "judge", "tools")
"""Extras for the work on transmodal; no user has them."""


def wanted() -> list[Requirement]:
    """Return what the package and its extras for users ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra, requirements in project["optional-dependencies"].items():
        lines += requirements if extra not in INNER else []
    return [Requirement(line) for line in lines]


def closure(requirements: Sequence[Requirement]) -> set[str]:
    """Return the names of what is installed for requirements, and for theirs.

    Raises:
        SystemExit: when a direct one is not installed.
    """
    names: set[str] = set()
    waiting = [(requirement, True) for requirement in requirements]
    while waiting:
        requirement, is_direct = waiting.pop()
        name = canonical(requirement.name)
        if name in names:
            continue
        try:
            lines = metadata.requires(requirement.name) or []
        except metadata.PackageNotFoundError:
            if is_direct:
                raise SystemExit(
                    f"{requirement.name} is not installed: pip install -c constraints.txt"
                ) from None
            continue
        names.add(name)
        inner = [Requirement(line) for line in lines]
        environments = [{"extra": extra} for extra in (*requirement.extras, "")]
        waiting += [
            (one, False)
            for one in inner
            if one.marker is None or any(one.marker.evaluate(dict(here)) for here in environments)
        ]
    return names


def canonical(name: str) -> str:
    """Return a package's name as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def prune(bill: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Leave in a bill the packages of these names, and what is said of how they depend on one another."""
    parts = [part for part in bill["components"] if canonical(part["name"]) in names]
    root = bill["metadata"]["component"]["bom-ref"]
    inside = {root, *(part["bom-ref"] for part in parts)}
    links = [
        {
            **link,
            **(
                {"dependsOn": [ref for ref in link["dependsOn"] if ref in inside]}
                if "dependsOn" in link
                else {}
            ),
        }
        for link in bill.get("dependencies", [])
        if link["ref"] in inside
    ]
    return {**bill, "components": parts, "dependencies": links}


def environment_bill() -> dict[str, Any]:
    """Return what cyclonedx-bom says of this environment.

    Raises:
        SystemExit: when it is not installed or fails.
    """
    words = [
        "environment",
        "--pyproject",
        str(ROOT / "pyproject.toml"),
        "--output-reproducible",
        sys.executable,
    ]
    done = subprocess.run([sys.executable, "-m", "cyclonedx_py", *words], capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [""]
        raise SystemExit(f"cyclonedx-bom: {last[0]} (pip install -e '.[audit]')")
    bill: dict[str, Any] = json.loads(done.stdout)
    return bill


def main(words: Sequence[str] | None = None) -> None:
    """Write the file, and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("output", type=Path, help="such as transmodal-0.1.0.cdx.json")
    output: Path = parser.parse_args(words).output
    names = closure(wanted())
    bill = prune(environment_bill(), names)
    missing = sorted(names - {canonical(part["name"]) for part in bill["components"]})
    if missing:
        raise SystemExit(f"the bill lacks {', '.join(missing)}")
    output.write_text(json.dumps(bill, indent=1) + "\n", encoding="utf-8")
    print(f"{output}: {len(names)} packages, CycloneDX {bill['specVersion']}")


if __name__ == "__main__":
    main()
