"""Steps per second beside the loop of a tutorial on the same device, with and without CUDA graphs, and memory peaks."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from time import monotonic, perf_counter

import torch
from torch import nn

from benchmarks.gpu.bench_run import BenchRun, configuration
from benchmarks.gpu.results import Result
from benchmarks.reference_loops import PlainTorch
from benchmarks.statistics import ratios, spread
from tui_trainer.engine.device import synchronize

TURN = 0.25
"""Seconds of a turn of each loop."""
MEASURED = 15.0
"""Most seconds of a comparison."""
STEPS = 60
WATCHED = 300
"""Steps in which waits for the device are counted."""
LARGE = {
    "cuda": ("model.layers=8", "model.width=512", "model.heads=8", "data.context=256", "data.batch_size=64"),
    "cpu": ("model.layers=2", "model.width=64", "model.heads=4", "data.context=64", "data.batch_size=16"),
}
"""A transformer that keeps the device busy."""
GOAL = 0.9
"""Least share of the bare loop's steps per second."""


def bare_steps(parts: PlainTorch, device: torch.device, dtype: torch.dtype | None = None) -> Iterator[None]:
    """Train like a tutorial, one step at each `next`: the data is on the device, and nothing is recorded."""
    model, optimizer, x, y = parts.model, parts.optimizer(), parts.inputs, parts.targets
    autocast = torch.autocast(device.type, dtype=dtype) if dtype is not None else nullcontext()
    model.train()
    while True:
        order = torch.randperm(len(x), device=device)
        for start in range(0, len(x), parts.batch_size):
            batch = order[start : start + parts.batch_size]
            optimizer.zero_grad()
            with autocast:
                loss = parts.loss(model(x[batch]), y[batch])
            loss.backward()
            if parts.clip:
                nn.utils.clip_grad_norm_(model.parameters(), parts.clip)
            optimizer.step()
            yield


def _turn(steps: Iterator[object], count: int, device: torch.device) -> float:
    """Return the steps per second of a turn."""
    synchronize(device)
    began = perf_counter()
    for _ in range(count):
        next(steps)
    synchronize(device)
    return count / (perf_counter() - began)


def in_turns(loops: dict[str, Iterator[object]], device: torch.device, seconds: float) -> dict[str, list[float]]:
    """Return the steps per second of each loop in each of its turns, which alternate."""
    counts = {name: max(int(_turn(steps, 20, device) * TURN), 3) for name, steps in loops.items()}
    counts = {name: max(int(_turn(steps, counts[name], device) * TURN), 3) for name, steps in loops.items()}
    paces: dict[str, list[float]] = {name: [] for name in loops}
    until = monotonic() + seconds
    while not all(paces.values()) or monotonic() < until:
        for name, steps in loops.items():
            paces[name].append(_turn(steps, counts[name], device))
    return paces


def _compared(name: str, ours: list[float], theirs: list[float], bound: float | None) -> Result:
    low, middle, high = spread(ratios(ours, theirs))
    return Result(
        name,
        f"{middle:.2f} ({low:.2f} - {high:.2f})",
        f">= {bound:g}" if bound is not None else "",
        middle >= bound if bound is not None else None,
        f"{spread(ours)[1]:,.0f} / {spread(theirs)[1]:,.0f} steps/s, {len(ours)} turns",
    )


def against_bare_loop(preset: str, device_name: str, seconds: float) -> Iterator[Result]:
    """Yield the pace beside the bare loop, the waits for the device, and the pace and the curve with CUDA graphs."""
    device = torch.device(device_name)
    settings = [f"training.device={device_name}", "training.threads=1"]
    bare = bare_steps(PlainTorch(preset, settings), device)
    loops: dict[str, Iterator[object]] = {"bare": bare, "ours": BenchRun(configuration(preset, device_name)).steps}
    graphed: BenchRun | None = None
    if device.type == "cuda":
        graphed = BenchRun(configuration(preset, device_name, ["training.cuda_graphs=true"]))
        loops["graphs"] = graphed.steps
    paces = in_turns(loops, device, min(MEASURED, seconds / 3))
    yield _compared(f"{preset}: steps/s beside the bare loop", paces["ours"], paces["bare"], GOAL)
    yield _waits(preset, device_name, loops["ours"])
    name = f"{preset}: steps/s with CUDA graphs, beside without"
    if graphed is None:
        yield Result(name, skipped="CUDA graphs need a CUDA device, and this is the CPU")
        return
    result = _compared(name, paces["graphs"], paces["ours"], 1.0)
    if said := [line for line in graphed.log if "without graphs" in line]:
        result.holds, result.note = False, said[0]
    yield result
    still = [] if preset == "char-lm" else ["model.dropout=0.0"]
    plain, replayed = (
        BenchRun(configuration(preset, device_name, [*still, f"training.cuda_graphs={switch}"])).to(STEPS).losses()
        for switch in ("false", "true")
    )
    apart = max(abs(one - other) / max(abs(one), 1e-12) for one, other in zip(plain, replayed, strict=True))
    yield Result(f"{preset}: curve with CUDA graphs", f"{apart:.1e}", "<= 0.01", apart <= 0.01, f"{STEPS} steps")


def _waits(preset: str, device: str, steps: Iterator[object]) -> Result:
    name = f"{preset}: waits for the device in a step"
    if not device.startswith("cuda"):
        return Result(name, skipped="the CPU waits for no device")
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(WATCHED):
                next(steps)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    waits = [warning for warning in caught if "synchroniz" in str(warning.message)]
    places = sorted({f"{warning.filename.rpartition('/')[2]}:{warning.lineno}" for warning in waits})
    each = len(waits) / WATCHED
    return Result(name, f"{each:.3f}", "<= 0.5", each <= 0.5, f"{len(waits)} in {WATCHED} steps: {', '.join(places)}")


def large(device_name: str, seconds: float) -> Iterator[Result]:
    """Yield pace and memory of a transformer in bfloat16 that keeps the device busy."""
    device = torch.device(device_name)
    changes = [*LARGE[device.type], f"training.device={device_name}"]
    parts = PlainTorch("char-lm", changes)
    bare = bare_steps(parts, device, torch.bfloat16)
    peak_bare = _peak(bare, device)
    ours = BenchRun(configuration("char-lm", device_name, [*changes, "training.precision=bfloat16"]))
    peak_ours = _peak(ours.steps, device)
    paces = in_turns({"bare": bare, "ours": ours.steps}, device, min(MEASURED, seconds / 3))
    count = sum(parameter.numel() for parameter in parts.model.parameters())
    result = _compared("large transformer, bfloat16: steps/s beside the bare loop", paces["ours"], paces["bare"], GOAL)
    result.note += f"; {count / 1e6:.1f} M weights"
    yield result
    name = "large transformer: peak of the device's memory, beside the bare loop's"
    if peak_bare and peak_ours:
        share = peak_ours / peak_bare
        note = f"{peak_ours / 2**20:,.0f} / {peak_bare / 2**20:,.0f} MiB, each above what was there before it trained"
        yield Result(name, f"{share:.2f}", "<= 1.2", share <= 1.2, note)
    else:
        yield Result(name, skipped="the CPU has no memory of its own to measure")


def _peak(steps: Iterator[object], device: torch.device) -> int:
    """Return the most bytes that some steps have allocated, above what was there before them; 0 on the CPU."""
    if device.type != "cuda":
        return 0
    gc.collect()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    for _ in range(10):
        next(steps)
    synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before
