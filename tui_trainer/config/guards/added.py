"""Guards that are added to the runs of a preset: `run PRESET --guard RULE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tui_trainer.config.guards.preset_guard import MEASURED, PresetGuard, check_guards
from tui_trainer.config.preset import Preset
from tui_trainer.config.run_config import RunConfig, metric_names
from tui_trainer.errors import UserError
from tui_trainer.guards.grammar import parse_rule


def with_guards(preset: Preset, rules: Sequence[str]) -> Preset:
    """Return the preset with further guards in each of its runs. Raises `UserError` where a rule does not fit a run."""
    if not rules:
        return preset
    return replace(preset, runs={name: _guarded(config, rules) for name, config in preset.runs.items()})


def _guarded(config: RunConfig, rules: Sequence[str]) -> RunConfig:
    guards = config.guards
    try:
        for rule in rules:
            parse_rule(rule, {*metric_names(config), *MEASURED})
            guards = (*guards, PresetGuard(rule=rule))
        check_guards(guards, metric_names(config))
    except (UserError, ValueError) as error:
        raise UserError(f"--guard: {error}") from None
    return config.model_copy(update={"guards": guards})
