"""A family of presets on the device: its curve beside that of the CPU, a resume, and a replay."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.gpu.bench_run import BenchRun, configuration, first_difference
from benchmarks.gpu.results import Result
from tui_trainer.protocol.commands import SetClip, SetLearningRate

FAMILIES: dict[str, tuple[str, ...]] = {
    "digits-mlp": ("model.dropout=0.0",),
    "digits-cnn": ("model.dropout=0.0",),
    "char-lm": (),
    "breast-cancer": ("model.dropout=0.0",),
    "spirals": (),
    "coord-scale": (),
}
"""By preset: settings for the comparison with the CPU. Dropout draws other masks on another device."""
VARIANTS = {"coord-scale": "adam"}
STEPS, CUT, COMPARED = 60, 37, 20
TOLERANCE = 0.01
"""Relative difference of a loss from the CPU's in the first steps. Kernels add in other orders, Adam divides the least
gradients by themselves; later the two drift apart, as two CPUs do."""


def family(preset: str, device: str) -> Iterator[Result]:
    """Yield the results of one preset."""
    variant = VARIANTS.get(preset, "")
    tf32, torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.allow_tf32, False
    still = FAMILIES[preset]
    cpu, own = (BenchRun(configuration(preset, on, still, variant)).to(STEPS).losses() for on in ("cpu", device))
    torch.backends.cudnn.allow_tf32 = tf32
    apart = [abs(one - other) / max(abs(one), 1e-12) for one, other in zip(cpu, own, strict=True)]
    yield Result(
        f"{preset}: curve beside the CPU's",
        f"{max(apart[:COMPARED]):.1e}",
        f"<= {TOLERANCE:g} in {COMPARED} steps",
        max(apart[:COMPARED]) <= TOLERANCE,
        f"largest relative difference of a loss; {max(apart):.1e} in {STEPS} steps; loss {own[0]:.4g} -> {own[-1]:.4g}",
    )
    config = configuration(preset, device, ["training.norm_every=1"], variant)
    script = [(CUT - 10, SetLearningRate(factor=0.5)), (CUT + 5, SetClip(value=0.5))]
    whole = BenchRun(config, script).to(STEPS)
    cut = BenchRun(config, script).to(CUT)
    saved = cut.saved()
    torch.manual_seed(987)  # another process does not have the generators of this one
    resumed = BenchRun(config, script[1:], saved).to(STEPS)
    again = BenchRun(config, script).to(STEPS)
    for name, differs in (
        (f"resumed at step {CUT}", first_difference(whole, resumed, CUT)),
        ("replayed with two interventions", first_difference(whole, again)),
    ):
        yield Result(f"{preset}: {name}", "differs" if differs else "identical", "to the bit", not differs, differs)
