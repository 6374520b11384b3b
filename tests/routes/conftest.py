"""A real browser for pages: headless Chromium, spoken to over two pipes (the DevTools protocol)."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

DEMAND = "TRANSMODAL_NEEDS_CHROMIUM"
"""Environment variable: where it is set, a missing Chromium is a failure and no reason to skip."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 120
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
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


class Browser:
    """A running Chromium with one page, cut off from the network.

    Attributes:
        complaints: what the console said since the last `open`: warnings, errors, exceptions.
        fetched: addresses that the page asked for since then, the page itself first.
    """

    def __init__(self, program: str, folder: Path) -> None:
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        line = [sys.executable, "-c", BECOME, str(orders), str(answers), program]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*line, *OPTIONS, f"--user-data-dir={folder / 'profile'}"],
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
            offline=True,
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


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; without one the test is skipped, or fails where one is demanded."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        if os.environ.get(DEMAND):
            pytest.fail(f"{DEMAND} is set and there is no Chromium: {', '.join(NAMES)}")
        pytest.skip(f"no Chromium among {', '.join(NAMES)}")
    running = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield running
    running.close()
