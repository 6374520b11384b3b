"""A real browser for pages: headless Chromium, spoken to over two pipes (the DevTools protocol)."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

DEMAND = "TRANSMODAL_NEEDS_CHROMIUM"
"""Environment variable: where it is set, a missing Chromium is a failure and no reason to skip."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 300
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--remote-debugging-pipe",
)
# Chromium reads its orders from file descriptor 3 and answers on 4: take the pipes there, then become the browser.
BECOME = (
    "import fcntl, os, sys; "
    "r, w = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]); "
    "os.dup2(r, 3); os.dup2(w, 4); os.execv(sys.argv[3], sys.argv[3:])"
)


def find_program() -> str:
    """Return the path of Chromium; without one the test is skipped, or fails where one is demanded."""
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    if program is None:
        if os.environ.get(DEMAND):
            pytest.fail(f"{DEMAND} is set and there is no Chromium: {', '.join(NAMES)}")
        pytest.skip(f"no Chromium among {', '.join(NAMES)}: apt-get install chromium")
    return program


class Browser:
    """A running Chromium with one page, cut off from the network unless it is said not to be.

    Attributes:
        complaints: what the console said since the last `open`: warnings, errors, exceptions.
        fetched: addresses that the page asked for since then, the page itself first.
    """

    def __init__(self, folder: Path, *, is_offline: bool = True, options: tuple[str, ...] = ()) -> None:
        program = find_program()
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        line = [sys.executable, "-c", BECOME, str(orders), str(answers), program]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*line, *OPTIONS, *options, f"--user-data-dir={folder / 'profile'}"],
                pass_fds=(orders, answers),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(orders)
        os.close(answers)
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session: str | None = None
        self._loaded = False
        self.complaints: list[str] = []
        self.fetched: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")
        self._ask(
            "Network.emulateNetworkConditions",
            offline=is_offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def open(self, path: Path, *, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> None:
        """Open a file in a window of a width in CSS pixels, for a reader who likes it light or dark."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=844 if width < 700 else 900,
            deviceScaleFactor=1,
            mobile=width < 700,
        )
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.complaints.clear()
        self.fetched.clear()
        self._loaded = False
        self._ask("Page.navigate", url=path.absolute().as_uri())
        while not self._loaded:
            self._hear(self._message())
        self.ask(
            "new Promise(done => { const look = () => document.readyState === 'complete' "
            "? requestAnimationFrame(() => requestAnimationFrame(() => done(true))) : setTimeout(look, 20); look(); })"
        )

    def ask(self, script: str) -> Any:  # noqa: ANN401  # whatever the script gives
        """Evaluate JavaScript in the page and return its value."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, finder: str) -> None:
        """Press the middle of the element that a script finds, as a mouse would."""
        place = self.ask(
            f"(() => {{ const one = {finder}; one.scrollIntoView({{block: 'center', behavior: 'instant'}}); "
            "const box = one.getBoundingClientRect(); "
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._ask(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
            )

    def press(self, key: str, text: str = "") -> None:
        """Press and let go a key, such as `Tab`, or `Enter` with the text that it types."""
        for kind in ("keyDown", "keyUp"):
            self._ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text if kind == "keyDown" else ""
            )

    def upload(self, finder: str, *paths: Path) -> None:
        """Choose files in the input that a script finds."""
        place = self._ask("Runtime.evaluate", expression=finder)["result"]["objectId"]
        self._ask("DOM.setFileInputFiles", files=[str(path.absolute()) for path in paths], objectId=place)

    def download_to(self, folder: Path) -> None:
        """Let downloads go into a folder, as a user's would."""
        self._ask("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder.absolute()))

    def shoot(self) -> bytes:
        """Return the whole page as PNG."""
        size = self._ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16000), "scale": 1}
        shot = self._ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(shot["data"])

    def close(self) -> None:
        """End the browser."""
        self._session = None
        try:
            self._ask("Browser.close")
        except (EOFError, BrokenPipeError):
            pass
        finally:
            self._process.terminate()
            self._process.wait(30)
            os.close(self._answers)
            os.close(self._orders)

    def _ask(self, method: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
        number = next(self._numbers)
        order: dict[str, Any] = {"id": number, "method": method, "params": values}
        if self._session is not None:
            order["sessionId"] = self._session
        os.write(self._orders, json.dumps(order).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                answer: dict[str, Any] = message["result"]
                return answer
            self._hear(message)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE_S)
            assert ready, f"Chromium has said nothing for {PATIENCE_S} s"
            part = os.read(self._answers, 1 << 20)
            if not part:
                raise EOFError("Chromium has gone")
            self._rest += part
        text, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        return message

    def _hear(self, message: dict[str, Any]) -> None:
        values = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.fetched.append(values["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(values["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(json.dumps(values["args"]))
            case "Log.entryAdded":
                self.complaints.append(f"{values['entry']['level']}: {values['entry']['text']}")


class Tab(Browser):
    """A browser for pages that draw by themselves: waited for, and looked at pixel by pixel."""

    def show(self, url: str, size: tuple[int, int], *, dark: bool = True) -> None:
        """Open an address in a window of a size and wait until it is loaded."""
        self.resize(size)
        self.prefer(dark=dark)
        self.complaints.clear()
        self.fetched.clear()
        self._ask("Page.navigate", url=url)
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'")

    def prefer(self, *, dark: bool) -> None:
        """Be the browser of a reader who likes it dark, or light."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def resize(self, size: tuple[int, int]) -> None:
        width, height = size
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def cut(self, *, is_cut: bool) -> None:
        """Cut the browser off from every server, or let it reach them again."""
        self._ask(
            "Network.emulateNetworkConditions",
            offline=is_cut,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def wait(self, expression: str, seconds: float = PATIENCE_S) -> None:
        """Wait until an expression is true; while the page is exchanged for another there is none to ask."""
        end = time.monotonic() + seconds
        while not self._is_true(expression):
            assert time.monotonic() < end, (expression, self.complaints, self.ask("document.body.innerText"))
            time.sleep(0.05)

    def _is_true(self, expression: str) -> bool:
        asked = f"(() => {{ try {{ return !!({expression}) }} catch (_) {{ return false }} }})()"
        try:
            return bool(self.ask(asked))
        except AssertionError:
            return False

    def png(self) -> bytes:
        """Return the window as PNG."""
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])

    def pixels(self, selector: str = "body") -> NDArray[np.int16]:
        """Return the pixels of an element, `(H, W, 3)`."""
        box = self.ask(
            f"(({{x, y, width, height}}) => [x, y, width, height])(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        x, y, width, height = (round(n) for n in box)
        image = np.asarray(Image.open(io.BytesIO(self.png())).convert("RGB"), np.int16)
        return image[y : y + height, x : x + width]


@contextmanager
def tab(folder: Path, options: tuple[str, ...] = ()) -> Iterator[Tab]:
    """Run Chromium with a profile in a folder; servers of this machine can be reached."""
    running = Tab(folder, is_offline=False, options=options)
    try:
        yield running
    finally:
        running.close()
