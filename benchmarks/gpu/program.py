"""The program as a user meets it on the device: replay, an open screen, NaN, full memory, two processes."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import closing

import psutil
import torch

from benchmarks.alternating_runs import TrainerRun, race
from benchmarks.gpu.results import Result
from benchmarks.sandbox import Sandbox, wait_for
from benchmarks.statistics import ratios, spread
from benchmarks.table import machine as machine_line

NO_STOP = "early_stopping.enabled=false"
SAMPLES = 100_000
"""Samples of the batch that does not fit."""


def machine(device: str) -> Iterator[Result]:
    """Yield what this machine is; without the device no other row can be."""
    line = machine_line()
    if not device.startswith("cuda"):
        yield Result("machine", platform.processor() or platform.machine(), note=f"{line} Device: the CPU.")
    elif not torch.cuda.is_available():
        why = "it was built without CUDA" if torch.version.cuda is None else f"built for CUDA {torch.version.cuda}"
        yield Result("machine", holds=False, note=f"torch {torch.__version__} sees no CUDA device ({why}). {line}")
    else:
        chip = torch.cuda.get_device_properties(torch.device(device))
        found = f"{chip.name}, {chip.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
        yield Result("machine", found, note=f"{line} Device: {found}.")


def replay(device: str, seconds: float) -> Iterator[Result]:
    """Yield whether a run that was steered from outside is replayed to the bit."""
    with closing(Sandbox()) as sandbox:
        settings = ["training.epochs=6", "training.steps_per_second=120", NO_STOP]
        process = sandbox.start("run", "digits-mlp", *settings, "--headless", "--name", "steered", "--device", device)
        journal = sandbox.folder("steered") / "events.jsonl"
        begun = wait_for(lambda: journal.exists() and b'"train_loss"' in journal.read_bytes(), seconds / 2)
        sent = sandbox.run("send", "steered", "set-lr", "factor=0.5", timeout=30) if begun else (1, "", "did not begin")
        out, err = process.communicate(timeout=seconds / 2)
        if process.returncode or sent[0]:
            words = " ".join((sent[2] or err or out).split())[-200:]
            yield Result("run, send, replay", f"exit code {process.returncode}", "0", holds=False, note=words)
            return
        code, out, err = sandbox.run("replay", "steered", "--headless", timeout=seconds / 2)
        words = next((line for line in (out + err).splitlines() if "identical" in line or "differ" in line), out[-200:])
        yield Result("run, send set-lr, replay", words[:80], "identical", code == 0 and "identical" in words)


def screen(device: str, seconds: float) -> Iterator[Result]:
    """Yield the pace with a screen open beside the pace without one."""
    del seconds
    with closing(Sandbox()) as sandbox:
        runs = [
            TrainerRun(sandbox, "alone", "digits-mlp", options=("--headless", "--device", device)),
            TrainerRun(sandbox, "watched", "digits-mlp", options=("--device", device), size=(120, 40)),
        ]
        try:
            race(runs, 5)
        finally:
            for run in runs:
                run.close()
    alone, watched = (run.pace for run in runs)
    low, middle, high = spread(ratios(watched, alone))
    note = f"{spread(watched)[1]:,.0f} / {spread(alone)[1]:,.0f} steps/s, 120x40, {len(alone)} rounds"
    shown = f"{middle:.2f} ({low:.2f} - {high:.2f})"
    yield Result("digits-mlp: steps/s with a screen open, beside none", shown, ">= 0.95", middle >= 0.95, note)


def broken(device: str, seconds: float) -> Iterator[Result]:
    """Yield what is printed when the loss becomes NaN, and when the memory does not suffice."""
    width = int(1.3 * _memory(device) / (4 * SAMPLES))
    cases = {
        "loss becomes NaN": (["optimizer.kind=sgd", "optimizer.lr=1e9"], "became"),
        "memory does not suffice": (
            ["data.kind=moons", f"data.samples={SAMPLES}", "data.sampling=full", f"model.hidden=[{width}]"],
            "out of memory",
        ),
    }
    with closing(Sandbox()) as sandbox:
        for name, (changes, words) in cases.items():
            arguments = ["run", "digits-mlp", *changes, "training.epochs=2", NO_STOP, "--headless", "--device", device]
            code, out, err = sandbox.run(*arguments, timeout=seconds / 2)
            lines = [line for line in (out + err).splitlines() if words in line and " · " not in line]
            told = lines[-1] if lines else (out + err)[-200:]
            clean = "Traceback" not in out + err
            yield Result(
                name, f"exit code {code}", "1, in one line", code == 1 and bool(lines) and clean, " ".join(told.split())
            )


def _memory(device: str) -> int:
    """Return the bytes of the memory that a run on the device can take."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_properties(torch.device(device)).total_memory
    return psutil.virtual_memory().total


def processes(device: str, seconds: float) -> Iterator[Result]:
    """Yield the loss of two processes, on one device or on two, beside that of one."""
    losses: list[float] = []
    with closing(Sandbox()) as sandbox:
        for count in (1, 2):
            settings = ["training.epochs=2", "model.dropout=0.0", NO_STOP, "--device", device, "--name", f"of-{count}"]
            options = ["--processes", "2"] if count > 1 else []
            code, out, err = sandbox.run("run", "digits-mlp", *settings, *options, "--headless", timeout=seconds / 2)
            if code:
                words = " ".join((err or out).split())[-300:]
                yield Result(f"{count} processes", f"exit code {code}", "0", holds=False, note=words)
                return
            losses.append(float([row["train_loss"] for row in sandbox.curve(f"of-{count}") if row["train_loss"]][-1]))
    apart = abs(losses[1] - losses[0]) / losses[0]
    devices = torch.cuda.device_count() if device.startswith("cuda") else 0
    note = f"last loss {losses[0]:.5f} and {losses[1]:.5f}; {devices or 'no'} CUDA device{'s' * (devices != 1)}"
    yield Result("digits-mlp: 2 processes beside one", f"{apart:.1e}", "<= 0.001", apart <= 0.001, note)
