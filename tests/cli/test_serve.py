"""`serve`: who may open a page, what starts a program, and a key in a browser that steers a run."""

from __future__ import annotations

import http.client
import importlib.util
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser import browser, needs_browser
from tests.cli.conftest import Shell

HAS_SERVE = importlib.util.find_spec("textual_serve") is not None
needs_serve = pytest.mark.skipif(not HAS_SERVE, reason="textual-serve is not installed")
SECONDS = 90.0


def until(condition: Callable[[], object]) -> object:
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def program(shell: Shell, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own: other libraries may start threads, and then nothing can be forked."""
    command = [sys.executable, "-m", "tui_trainer", *arguments]
    return subprocess.run(command, cwd=shell.directory, capture_output=True, text=True, timeout=SECONDS)


class Served:
    """A server of this machine, and requests to it as a browser would send them."""

    def __init__(self, shell: Shell, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui_trainer", "serve", *arguments, "--port", "0"],
            cwd=shell.directory,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        found = re.search(r"open (http://127\.0\.0\.1:(\d+)/\?token=(\S+))", self.process.stderr.readline())
        assert found is not None
        self.address, self.port, self.token = found[1], int(found[2]), found[3]

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={"Host": f"127.0.0.1:{self.port}"} | named)
        answer = connection.getresponse()
        body = answer.read(1 << 16) if answer.status != 101 else b""
        connection.close()
        return answer.status, dict(answer.getheaders()), body.decode(errors="replace")

    def socket(self, **headers: str) -> int:
        """Ask for the socket. Returns the status of the answer."""
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
        return self.get("/ws?width=80&height=24", **upgrade, Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==", **headers)[0]

    @property
    def cookie(self) -> str:
        return f"tui-trainer-{self.port}={self.token}"

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=SECONDS)  # closes the pipe too


@pytest.fixture
def served(shell: Shell) -> Iterator[Served]:
    server = Served(shell)
    yield server
    server.end()


@needs_serve
def test_only_who_holds_the_token_gets_a_page_and_the_address_loses_it(served: Served) -> None:
    assert served.get("/")[0] == 403
    assert served.get("/?token=wrong")[0] == 403
    assert served.get("/static/js/textual.js")[0] == 403
    status, headers, _ = served.get(urlsplit(served.address).path + "?" + urlsplit(served.address).query)
    assert (status, headers["Location"]) == (303, "/")
    assert headers["Set-Cookie"].startswith(f"{served.cookie};")
    assert {"HttpOnly", "SameSite=Strict"} <= set(headers["Set-Cookie"].split("; "))
    status, headers, body = served.get("/", Cookie=served.cookie)
    assert status == 200
    assert headers["Referrer-Policy"] == "no-referrer"
    assert f"ws://127.0.0.1:{served.port}/ws" in body
    assert served.token not in body
    assert f"ws://localhost:9000/ws" in served.get("/", Cookie=served.cookie, Host="localhost:9000")[2]  # noqa: F541


@needs_serve
def test_other_sites_other_names_and_prefetches_start_nothing(served: Served) -> None:
    own = f"http://127.0.0.1:{served.port}"
    assert served.socket(Origin=own) == 403
    assert served.socket(Cookie=served.cookie) == 403
    assert served.socket(Cookie=served.cookie, Origin="http://evil.example") == 403
    assert served.socket(Cookie=served.cookie, Origin=f"http://127.0.0.1:{served.port + 1}") == 403
    assert served.get("/", Cookie=served.cookie, Host="evil.example")[0] == 403
    assert served.get("/", Cookie=served.cookie, Sec_Purpose="prefetch;prerender")[0] == 503
    assert served.get("/", Cookie=served.cookie)[0] == 200
    import psutil

    assert psutil.Process(served.process.pid).children() == []
    assert served.socket(Cookie=served.cookie, Origin=own) == 101


@needs_serve
def test_a_port_that_is_taken_is_refused(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = program(shell, "serve", "--port", str(port))
    assert done.returncode == 2
    assert f"--port {port}: Address already in use; choose another" in done.stderr


@pytest.mark.skipif(HAS_SERVE, reason="textual-serve is installed")
def test_without_the_library_the_extra_is_named(shell: Shell) -> None:
    done = shell("serve")
    assert done.code == 2
    assert done.err == "tui-trainer: serve needs textual-serve: install it with pip install 'tui-trainer[web]'\n"


def statuses(folder: Path) -> list[str]:
    lines = (folder / "events.jsonl").read_text().splitlines()
    return [event["status"] for event in map(json.loads, lines) if event["type"] == "StatusChanged"]


@needs_serve
@needs_browser
def test_a_key_in_the_browser_steers_a_run(shell: Shell, tmp_path: Path) -> None:
    slow = ("training.epochs=100000", "training.steps_per_second=50")
    assert program(shell, "run", "tiny.toml", "--detach", "--name", "live", *slow).returncode == 0
    folder = shell.directory / "runs" / "live"
    server = Served(shell, "live")
    try:
        with browser(tmp_path / "profile") as page:
            page.size(1000, 700)
            page.open(server.address)
            assert page.run("location.href") == f"http://127.0.0.1:{server.port}/"
            page.wait("document.querySelector('.xterm-helper-textarea') !== null")
            page.wait("document.body.classList.contains('-first-byte')")
            page.run("document.querySelector('.xterm-helper-textarea').focus()")

            def press() -> bool:
                page.key(" ")
                time.sleep(0.5)
                return "paused" in statuses(folder)

            until(press)
            page.picture(tmp_path / "screen.png")
            assert [text for text in page.console if "Error" in text] == []
    finally:
        server.end()
        stopped = program(shell, "send", "live", "stop", "when=now", "save=false")
    assert stopped.returncode == 0, stopped.stderr
