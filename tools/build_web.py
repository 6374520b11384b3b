"""Build what pages of `transmodal publish` need from npm: ONNX Runtime Web, by the lock file of `web/`.

    python tools/build_web.py

It runs `npm ci` in `web/` and puts the parts beside `src/transmodal/publishing/runtime.py`, from where wheels pack them. Git
knows nothing of what is built.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
OUTPUT = ROOT / "src" / "transmodal" / "publishing" / "runtime"
PACKAGE = WEB / "node_modules" / "onnxruntime-web"
SCRIPTS = {"ort-cpu.mjs": "ort.wasm.bundle.min.mjs", "ort-gpu.mjs": "ort.jspi.bundle.min.mjs"}
PROGRAMS = {
    "ort-cpu.wasm.gz": "ort-wasm-simd-threaded.wasm",
    "ort-gpu.wasm.gz": "ort-wasm-simd-threaded.jspi.wasm",
}
"""What is built, and the file of the package that it is built from."""

LICENCE = """MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
"""Of ONNX Runtime Web, which has to go with its copies; the npm package leaves it out."""


def main() -> int:
    """Build; return the exit status."""
    npm = shutil.which("npm")
    if npm is None:
        print(
            "npm is missing: install Node 20 or later (apt-get install npm), and run this again",
            file=sys.stderr,
        )
        return 1
    # The lock file holds every package's hash; no package's own scripts are run.
    status = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=WEB, check=False)
    if status.returncode:
        return status.returncode
    build(PACKAGE, OUTPUT)
    print(f"{OUTPUT.relative_to(ROOT)}: {sum(path.stat().st_size for path in OUTPUT.iterdir()) / 1e6:.1f} MB")
    return 0


def build(package: Path, output: Path) -> None:
    """Put the scripts, the programs (gzipped) and what they are into a folder.

    Args:
        package: folder of the installed npm package.
        output: is made anew.
    """
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    for name, origin in SCRIPTS.items():
        shutil.copyfile(package / "dist" / origin, output / name)
    for name, origin in PROGRAMS.items():
        program = (package / "dist" / origin).read_bytes()
        (output / name).write_bytes(gzip.compress(program, 9, mtime=0))
    (output / "LICENSE").write_text(LICENCE, encoding="utf-8")
    record = {
        "name": "ONNX Runtime Web",
        "version": about["version"],
        "licence": f"{about['license']}, (c) Microsoft",
    }
    (output / "about.json").write_text(json.dumps(record) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
