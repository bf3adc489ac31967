"""Mixed precision: bfloat16, and float16 with the scaler of the loss."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.gpu.bench_run import BenchRun, configuration, first_difference
from benchmarks.gpu.results import Result
from tui_trainer.errors import UserError

PRESET, STEPS, CUT, LAST = "char-lm", 80, 50, 20
APART = 0.05
"""Relative difference of the mean loss of the last steps from float32's."""


def mixed(device: str, seconds: float) -> Iterator[Result]:
    """Yield loss and resume in each of the two types."""
    del seconds
    usual = _mean(BenchRun(configuration(PRESET, device)).to(STEPS))
    for precision in ("bfloat16", "float16"):
        config = configuration(PRESET, device, [f"training.precision={precision}"])
        try:
            whole = BenchRun(config).to(STEPS)
        except UserError as error:
            yield Result(f"{PRESET}, {precision}", skipped=f"refused, as it should be: {error}")
            continue
        loss = _mean(whole)
        apart = abs(loss - usual) / usual
        scaler = whole.trainer.services.setup.scaler
        note = f"loss {loss:.4f}, float32 {usual:.4f}, steps {STEPS - LAST + 1} to {STEPS}"
        note += f"; scale of the loss {scaler.get_scale():g}" if scaler is not None else ""
        name = f"{PRESET}, {precision}: loss beside float32's"
        yield Result(name, f"{apart:.1e}", f"<= {APART:g}", apart <= APART, note)
        saved = BenchRun(config).to(CUT).saved()
        torch.manual_seed(987)
        differs = first_difference(whole, BenchRun(config, saved=saved).to(STEPS), CUT)
        name = f"{PRESET}, {precision}: resumed at step {CUT}"
        yield Result(name, "differs" if differs else "identical", "to the bit", not differs, differs)


def _mean(run: BenchRun) -> float:
    losses = run.losses()[-LAST:]
    return sum(losses) / len(losses)
