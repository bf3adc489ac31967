"""`tui-trainer mcp` through the client of the official SDK, against a live run."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import SessionClient, spec_for
from tui_trainer.protocol import commands as cmd
from tui_trainer.session.launch import launch

pytest.importorskip("mcp", reason="the SDK of the Model Context Protocol is not installed")

from mcp import Client, StdioServerParameters


@pytest.fixture(autouse=True)
def forked_hosts() -> None:
    """Start hosts as users do: libraries beside the SDK may begin threads, and a process with threads is not forked."""


def talk(runs_dir: Path, ask: Callable[[Any], Awaitable[None]], *options: str) -> None:
    """Start the server as a client does, over its stdin and stdout, and talk to it."""
    line = ["-P", "-m", "tui_trainer", "mcp", "--runs-dir", str(runs_dir), *options]
    server = StdioServerParameters(command=sys.executable, args=line, env=dict(os.environ))

    async def run() -> None:
        async with Client(server, read_timeout_seconds=120) as client:
            await ask(client)

    asyncio.run(run())


async def call(client: Any, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def refused(client: Any, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)


def test_an_agent_looks_acts_within_its_bounds_and_yields_the_wheel(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    spec = spec_for(
        tmp_path, training={"epochs": 1_000_000, "steps_per_second": 400}, allow={"agent": {"cool_down": 0}}
    )
    launched = launch(spec)
    ann = SessionClient(launched.session())
    ann.until(lambda: ann.state.step > 60, "the first steps")

    def send(command: cmd.AnyCommand) -> None:
        ann.session.send(command.model_copy(update={"by": "ann", "actor": "person", "id": command.type}))

    async def ask(client: Any) -> None:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"list_runs", "read_run", "read_curves", "diagnose", "compare_runs", "send_command"}
        (listed,) = (await call(client, "list_runs"))["runs"]
        assert (listed["name"], listed["status"]) == ("run", "running")
        seen = await call(client, "read_run", run="last")
        assert seen["settings"]["lr"] == 0.1
        assert seen["wheel"] == "free"
        assert seen["agents_may"]["factor"] == 2.0
        curves = await call(client, "read_curves", run="run", names=["train_loss"], points=10)
        rows = curves["curves"]["train_loss"]
        assert 2 <= len(rows) <= 10
        exact = ann.state.series["train_loss"]
        assert rows[0][2] <= rows[0][1] <= rows[0][3]
        assert rows[0][3] == pytest.approx(max(exact.values[: rows[0][0]]), rel=1e-5)
        assert "findings" in await call(client, "diagnose", run="run")
        done = await call(
            client, "send_command", run="run", command="set-lr", values={"factor": 0.5}, because="the loss is noisy"
        )
        assert done["applied"]
        assert done["answers"][0]["text"] == (
            "learning rate 0.05, was 0.1 by helper (agent); because: the loss is noisy"
        )
        ann.until(lambda: ann.state.marks, "the person to see it")
        assert (ann.state.marks[0].by, ann.state.marks[0].because) == ("helper (agent)", "the loss is noisy")
        beyond = await call(client, "send_command", run="run", command="set-lr", values={"value": 1.0}, because="more")
        assert not beyond["applied"]
        assert "agents change a number by 2 at most" in beyond["answers"][0]["text"]
        denied = await call(client, "send_command", run="run", command="stop", because="enough")
        assert "agents may not stop here" in denied["answers"][0]["text"]
        send(cmd.TakeWheel())
        ann.until(lambda: ann.state.wheel is not None, "the wheel")
        held = await call(client, "send_command", run="run", command="pause", because="wait")
        assert "ann (person) has the wheel" in held["answers"][0]["text"]
        assert (await call(client, "read_run", run="run"))["wheel"] == "ann (person)"
        assert "did you mean 'set-lr'" in await refused(
            client, "send_command", run="run", command="set-lrr", because="typo"
        )
        assert "did you mean 'train_loss'" in await refused(client, "read_curves", run="run", names=["train_los"])
        compared = (await call(client, "compare_runs", runs=["run"]))["runs"][0]["interventions"]
        assert [(each["by"], each["actor"]) for each in compared] == [("helper", "agent")]

    try:
        talk(tmp_path / "runs", ask, "--as", "helper")
    finally:
        send(cmd.Stop())
        ann.until(lambda: ann.state.over or ann.notices(), "the end")
        launched.process.wait(120)


def test_read_only_offers_no_command(tmp_path: Path) -> None:
    async def ask(client: Any) -> None:
        assert "send_command" not in {tool.name for tool in (await client.list_tools()).tools}
        assert "no runs" in await refused(client, "read_run", run="last")
        assert "no runs to compare" in await refused(client, "compare_runs", runs=[])
        torn = tmp_path / "torn"
        torn.mkdir()
        (torn / "run.toml").write_text("x = [")
        (torn / "events.jsonl").write_bytes(b'{"garbage\n' + bytes(range(14, 256)) + b"\n")
        seen = await call(client, "read_run", run="torn")
        assert (seen["status"], seen["damaged_lines"], seen["step"]) == ("dead", 2, 0)

    talk(tmp_path, ask, "--read-only")
