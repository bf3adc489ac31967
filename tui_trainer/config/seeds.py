"""A set of runs that differ only in their seed: `run PRESET --seeds 5`, or `--seeds 0,3,7`."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.config.preset import Preset
from tui_trainer.errors import UserError

MAX_SEEDS = 64
"""Runs of a set: one process trains all of them in turns."""
_LARGEST = 2**63 - 1


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of `5` (0 to 4) or `0,3,7`. Raises `UserError`."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 20 for part in parts):
        raise UserError(f"--seeds {text[:80]!r}: give a number of runs, such as 5, or a list of seeds, such as 0,3,7")
    numbers = [int(part) for part in parts]
    if len(numbers) == 1:
        if not 2 <= numbers[0] <= MAX_SEEDS:
            raise UserError(f"--seeds {text}: give 2 to {MAX_SEEDS} runs; for one seed use --seed {text}")
        return tuple(range(numbers[0]))
    if len(set(numbers)) < len(numbers):
        raise UserError(f"--seeds {text[:80]}: a seed is given twice; give each once")
    if len(numbers) > MAX_SEEDS or max(numbers) > _LARGEST:
        raise UserError(f"--seeds {text[:80]}: give up to {MAX_SEEDS} seeds, each at most {_LARGEST}")
    return tuple(numbers)


def with_seeds(preset: Preset, seeds: tuple[int, ...]) -> Preset:
    """Return the preset with a run `seed-N` for each seed. Raises `UserError` for a preset with variants."""
    if len(preset.runs) > 1 or "" not in preset.runs:
        raise UserError(
            f"--seeds: {preset.source} has the variants {', '.join(preset.runs)}; "
            "use --seeds with a preset of one run, or start the set once for each --seed"
        )
    config = preset.runs[""]
    runs = {
        f"seed-{seed}": config.model_copy(update={"training": config.training.model_copy(update={"seed": seed})})
        for seed in seeds
    }
    return replace(preset, runs=runs)
