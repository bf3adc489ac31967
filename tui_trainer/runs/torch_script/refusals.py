"""The parts of a run that a torch script cannot hold, by name."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from tui_trainer.components.schedulers import builtin
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import METRICS, RunConfig
from tui_trainer.runs.torch_script.data_code import KINDS
from tui_trainer.runs.torch_script.loss_code import LOSSES
from tui_trainer.runs.torch_script.model_code import MODELS
from tui_trainer.runs.torch_script.optimizer_code import unsupported


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name of a tensor matches one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def of_config(config: RunConfig) -> list[str]:
    """Return the settings of a run that a script cannot hold, each with what it can hold instead."""
    problems: list[str] = []
    if config.data.kind not in KINDS:
        problems.append(f'data.kind = "{config.data.kind}" (a script holds {", ".join(KINDS)})')
    if config.data.nan_share or config.data.drop_nan:
        problems.append("data.nan_share and data.drop_nan")
    if not isinstance(config.model, MODELS):
        problems.append(f'model.kind = "{config.model.kind}"')
    if not isinstance(config.loss, LOSSES):
        problems.append(f'loss.kind = "{config.loss.kind}"')
    if text := unsupported(config.optimizer):
        problems.append(text)
    if isinstance(config.scheduler, builtin.ImportedScheduler):
        problems.append('scheduler.kind = "import"')
    if config.metrics:
        problems.append(f"metrics of your own ({', '.join(config.metrics)})")
    if config.validation_sets:
        problems.append(f"further validation sets ({', '.join(config.validation_sets)})")
    training = config.training
    if training.precision not in ("float32", "float64"):
        problems.append(f'training.precision = "{training.precision}"')
    problems += [f"training.{name}" for name in ("compile", "cuda_graphs") if getattr(training, name)]
    monitor = config.early_stopping.monitor
    measured = [f"{split}_{name}" for split in ("train", "val") for name in METRICS[config.data.task]]
    if monitor.removeprefix("average/") not in measured and not config.metrics and not config.validation_sets:
        problems.append(f'early_stopping.monitor = "{monitor}"')
    return problems


def of_plans(plans: Sequence[LrPlan]) -> list[str]:
    """Return the schedules that a script cannot hold."""
    problems: list[str] = []
    for plan in plans:
        scheduler = plan.scheduler
        if scheduler.kind in ("import", "script"):
            problems.append(f'the schedule "{scheduler.kind}"')
        stretched = plan.pace != 1.0 or plan.anchor_position
        if isinstance(scheduler, builtin.Torch) and scheduler.per == "step" and stretched:
            problems.append('a run of another length under scheduler.kind = "torch"')
    return list(dict.fromkeys(problems))
