"""Draw this documentation's site for CONTRIBUTING.md: a how-to page as a browser shows it.

    python tools/draw_site.py [PAGE]

Written is `docs/images/site.png`. It needs `transmodal[docs]` and Chromium.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/images/site.png"
PAGE = "how-to/evaluate"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WINDOW = (1400, 1000)
COLOURS = 64


def build(site: Path) -> None:
    """Build the site as the CI does: a page that is missing or a broken link ends it."""
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", site], cwd=ROOT, check=True
    )


def shoot(site: Path, page: str, picture: Path) -> None:
    """Photograph a page's first screen, from a server: the theme shows no search on pages of the disk."""
    program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if program is None:
        raise SystemExit(f"no Chromium among {', '.join(PROGRAMS)}")
    width, height = WINDOW
    options = ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={width},{height}")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{page}/"
        subprocess.run(
            [program, *options, f"--screenshot={picture}", address], check=True, capture_output=True
        )
        server.shutdown()


def main() -> None:
    """Build the site and photograph one of its pages, in few colours so that the file stays small."""
    with tempfile.TemporaryDirectory() as folder:
        site, shot = Path(folder) / "site", Path(folder) / "shot.png"
        build(site)
        shoot(site, sys.argv[1] if len(sys.argv) > 1 else PAGE, shot)
        with Image.open(shot) as image:
            image.convert("RGB").quantize(COLOURS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
