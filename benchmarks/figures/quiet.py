"""CPU time and bytes per second of a screen without key presses."""

from __future__ import annotations

import sys
import threading
from time import monotonic, sleep

from benchmarks import synthetic_journals
from benchmarks.figures import Effort
from benchmarks.sandbox import Sandbox, wait_for
from benchmarks.statistics import Row
from benchmarks.terminal import Terminal
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.journal import Journal

SECOND = 1.0
HISTORY = 5_000
"""Steps of the run before the measurement."""


def finished(effort: Effort) -> list[Row]:
    """Measure the screen of a finished run."""
    sandbox = Sandbox()
    try:
        synthetic_journals.write(sandbox.folder("over"), 20_000, 5)
        command = [sys.executable, "-m", "tui_trainer", "open", "over"]
        terminal = Terminal(command, 160, 45, sandbox.environ, str(sandbox.directory))
        try:
            terminal.first_text()
            terminal.settled(3.0)
            cpu, sent = watch(terminal, effort.rounds, 2.0)
        finally:
            terminal.close()
    finally:
        sandbox.close()
    against = "LEET 1-2 %, terminalboard 0.2 % (measured before)"
    return [
        Row("idle on a finished run: CPU", against, cpu, "% of a core", 1.5, "<=", "160x45"),
        Row("idle on a finished run: bytes/s", "LEET 0, terminalboard 0 (before)", sent, "B/s", 0, "<=", "160x45"),
    ]


def ten_steps(effort: Effort) -> list[Row]:
    """Measure a live run with ten steps per second and five metrics."""
    sandbox = Sandbox()
    over = threading.Event()
    try:
        folder = sandbox.folder("live")
        folder.mkdir(parents=True)
        journal = Journal(folder / "events.jsonl")
        thread = threading.Thread(target=_produce, args=(journal, over), daemon=True)
        thread.start()
        sleep(3.0)
        command = [sys.executable, "-m", "tui_trainer", "open", "live"]
        terminal = Terminal(command, 160, 45, sandbox.environ, str(sandbox.directory))
        try:
            sleep(6.0)
            cpu, sent = watch(terminal, effort.rounds, 3.0)
        finally:
            terminal.close()
            over.set()
            thread.join()
    finally:
        sandbox.close()
    live, note = "10 steps/s x 5 metrics", f"160x45, {HISTORY:,} steps before"
    return [
        Row(f"{live}: CPU", "LEET 11 %, terminalboard 4 % (measured before)", cpu, "% of a core", 5, "<=", note),
        Row(f"{live}: bytes/s", "LEET 820, terminalboard 5,900 (measured before)", sent, "B/s", 1000, "<=", note),
    ]


def _produce(journal: Journal, over: threading.Event) -> None:
    seq = 0

    def put(event: ev.AnyEvent) -> None:
        nonlocal seq
        seq += 1
        journal.append(encode_event(event.model_copy(update={"seq": seq, "run": "live"})))

    put(ev.RunStarted(title="live", steps_per_epoch=100, epochs=100))
    put(ev.StatusChanged(status="running"))
    step = HISTORY
    event = synthetic_journals.scalars(1, step, 5, 10_000)
    put(event.model_copy(update={"seconds": [round(at / 10, 4) for at in event.steps]}))
    while not over.wait(0.1):
        step += 1
        event = synthetic_journals.scalars(step, step, 5, 10_000)
        put(event.model_copy(update={"seconds": [round(step / 10, 4)]}))


def streaming(effort: Effort) -> list[Row]:
    """Measure digits-mlp at full speed in a terminal of 120x40."""
    sandbox = Sandbox()
    command = [sys.executable, "-m", "tui_trainer", "run", "digits-mlp", "training.epochs=100000"]
    command += ["early_stopping.enabled=false", "--name", "stream"]
    rows: list[Row] = []
    try:
        for limit in (None, 2):
            options = ["--max-kbps", str(limit)] if limit else []
            if limit:
                command[command.index("--name") + 1] = "limited"
            terminal = Terminal([*command, *options], 120, 40, sandbox.environ, str(sandbox.directory))
            try:
                journal = sandbox.folder(command[command.index("--name") + 1]) / "events.jsonl"
                if not wait_for(lambda journal=journal: journal.exists() and b"EpochEnded" in journal.read_bytes(), 60):
                    raise RuntimeError("the run did not start")
                sleep(10.0)
                # Under a limit the screen is drawn every few seconds, so the average needs many of them.
                _, sent = watch(terminal, 10 * effort.rounds if limit else effort.rounds + 3, SECOND)
            finally:
                terminal.close()
                end_hosts(sandbox)
            kilobytes = [value / 1000 for value in sent]
            if limit:
                kilobytes = [sum(kilobytes) / len(kilobytes)]
            name = f"bytes/s of digits-mlp at full speed{f', --max-kbps {limit}' if limit else ''}"
            rows.append(Row(name, "", kilobytes, "kB/s", limit or 6, "<=", "120x40"))
    finally:
        sandbox.close()
    return rows


def watch(terminal: Terminal, rounds: int, seconds: float) -> tuple[list[float], list[float]]:
    """Return the CPU share in percent and the bytes per second of each interval."""
    cpu: list[float] = []
    sent: list[float] = []
    for _ in range(rounds):
        began, used = monotonic(), terminal.used()
        sleep(seconds)
        passed = monotonic() - began
        cpu.append((terminal.used() - used) / passed * 100)
        sent.append(terminal.bytes_since(began) / passed)
    return cpu, sent


def end_hosts(sandbox: Sandbox) -> None:
    """Stop every live run of a sandbox, so that the next figure has the machine to itself."""
    for run in sandbox.json("runs"):
        if run["status"] in ("running", "paused"):
            sandbox.run("send", run["name"], "stop")
