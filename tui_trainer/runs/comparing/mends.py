"""The mends that change what a run computes, so that a replay can name the one that applies.

about.json lists the mends that the recording program had. A new mend is a row of `MENDS`, and a line of CHANGELOG.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.builtin import Plateau
from tui_trainer.components.schedulers.script import AnyPlanScheduler
from tui_trainer.config.run_config import RunConfig
from tui_trainer.protocol.commands import (
    AnyCommand,
    RollBack,
    SetClip,
    SetEpochs,
    SetLearningRate,
    SetOptimizer,
    SetScheduler,
)
from tui_trainer.runs.history import LENGTH, RunHistory


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as it was recorded.

    Attributes:
        config: its configuration.
        history: its measurements and commands.
        about: its about.json.
    """

    config: RunConfig
    history: RunHistory
    about: Mapping[str, Any]

    @property
    def commands(self) -> list[AnyCommand]:
        """The commands that steered it."""
        return [command for _, command in self.history.interventions]

    @property
    def resumed(self) -> bool:
        """Whether it was resumed."""
        return bool(self.about.get("resumed"))

    @property
    def versions(self) -> list[str]:
        """The versions of the program that recorded it, oldest first."""
        versions = [start.get("versions") for start in self._starts]
        found = [str(each.get("tui-trainer", "")) for each in versions if isinstance(each, dict)]
        return [version for version in dict.fromkeys(found) if version]

    def lacks(self, mend: str) -> bool:
        """Return whether any start of the run was by a program without a mend."""
        listed = [start.get("mends") for start in self._starts]
        return any(not isinstance(known, list) or mend not in known for known in listed)

    @property
    def _starts(self) -> list[Mapping[str, Any]]:
        resumed = self.about.get("resumed")
        later = [start for start in resumed if isinstance(start, dict)] if isinstance(resumed, list) else []
        return [self.about, *later]


@dataclass(frozen=True, slots=True)
class Mend:
    """A mend that changes numbers of some runs.

    Attributes:
        id: its name in about.json.
        what: the change in one sentence, without a full stop.
        metrics: pattern of the names of the metrics that it changes by itself; `LENGTH` stands for the run's last step.
        applies: whether a recorded run could have other numbers now.
    """

    id: str
    what: str
    metrics: str
    applies: Callable[[RecordedRun], bool]

    def changes(self, metric: str) -> bool:
        """Return whether it changes a metric by itself."""
        return re.fullmatch(self.metrics, metric) is not None


def mends_of(run: RecordedRun, differing: Sequence[str]) -> list[Mend]:
    """Return the mends that a recorded run lacks and that explain a difference in one of these metrics.

    A mend of any metric is among them only if those of certain metrics leave a difference unexplained.
    """
    missing = [mend for mend in MENDS if run.lacks(mend.id) and mend.applies(run)]
    certain = [mend for mend in missing if mend.metrics != _ANY and any(map(mend.changes, differing))]
    if all(any(mend.changes(name) for mend in certain) for name in differing):
        return certain
    return [mend for mend in missing if mend.metrics == _ANY or mend in certain]


def explained(run: RecordedRun, differing: Mapping[str, int]) -> list[str]:
    """Return in words the mends that explain these differing metrics (with their first steps), and what they do not."""
    named = mends_of(run, list(differing))
    by = f"recorded by tui-trainer {', '.join(run.versions) or 'of an unknown version'}, before this mend"
    lines = [f"{_listed(mend, differing)}: {mend.what} ({by}: {mend.id})" for mend in named]
    rest = [name for name in differing if not any(mend.changes(name) for mend in named)]
    if named and rest:
        first = ", ".join(f"{name} (from step {differing[name]:,})" for name in rest)
        lines.append(f"not among the numbers of these mends: {first}")
    return lines


def _listed(mend: Mend, differing: Mapping[str, int]) -> str:
    names = [name for name in differing if mend.changes(name)]
    verb = "differs" if len(names) == 1 else "differ"
    return f"{', '.join(names[:_NAMED])}{f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''} {verb}"


_NAMED = 6
"""Most metrics that are listed by name."""
_ANY = ".*"


def _schedulers(run: RecordedRun) -> list[AnyPlanScheduler]:
    """Return the schedulers of a run: the first, and those of commands."""
    return [run.config.scheduler, *(one.scheduler for one in run.commands if isinstance(one, SetScheduler))]


def _optimizers(run: RecordedRun) -> list[AnyOptimizer]:
    """Return the optimizers of a run: the first, and those of commands."""
    return [run.config.optimizer, *(one.optimizer for one in run.commands if isinstance(one, SetOptimizer))]


def _clips(run: RecordedRun) -> bool:
    return run.config.training.clip_grad_norm > 0 or any(isinstance(one, SetClip) for one in run.commands)


def _moves_below_a_bound(run: RecordedRun) -> bool:
    set_by_hand = any(isinstance(one, SetLearningRate) for one in run.commands)
    return set_by_hand and any(scheduler.least > 0 for scheduler in _schedulers(run))


def _restored(run: RecordedRun) -> bool:
    return run.resumed or any(isinstance(one, RollBack) for one in run.commands)


MENDS: tuple[Mend, ...] = (
    Mend(
        "regression-metrics",
        "RMSE and R2 are scikit-learn's now, in the units of the data",
        r"(train|val)_(rmse|r2)",
        lambda run: run.config.data.task == "regression",
    ),
    Mend(
        "test-split",
        "the test split (data.test) is measured now, once, at the end",
        r"test_.*",
        lambda run: run.config.data.test > 0,
    ),
    Mend(
        "plateau-epochs",
        "the plateau schedule counts epochs now, not validations, and none of its warm-up",
        _ANY,
        lambda run: any(isinstance(scheduler, Plateau) for scheduler in _schedulers(run)),
    ),
    Mend(
        "patience-epochs",
        "early stopping counts epochs now where validate_every is not 1",
        LENGTH,
        lambda run: run.config.early_stopping.enabled and run.config.training.validate_every > 1,
    ),
    Mend(
        "min-lr-holds",
        "the lower bound of a schedule holds now after a learning rate set by hand",
        _ANY,
        _moves_below_a_bound,
    ),
    Mend(
        "clip-overflow",
        "gradients whose squares overflow are clipped now; before they became 0",
        _ANY,
        _clips,
    ),
    Mend(
        "optimizer-types",
        "NAdam and ASGD in float64 keep the types of their state now through resume, roll-back and undo",
        _ANY,
        lambda run: (
            run.config.training.precision == "float64"
            and _restored(run)
            and any(optimizer.kind in ("nadam", "asgd") for optimizer in _optimizers(run))
        ),
    ),
    Mend(
        "roll-back-settings",
        "a roll-back keeps the settings of the optimizer in force now; before it took those of the checkpoint",
        _ANY,
        lambda run: any(isinstance(one, RollBack) for one in run.commands),
    ),
    Mend(
        "roll-back-state",
        "a roll-back takes the optimizer state that fits other settings now; a new kind of optimizer starts empty",
        _ANY,
        lambda run: any(isinstance(one, RollBack) for one in run.commands),
    ),
    Mend(
        "rate-before-peak",
        "a learning rate set by hand before a peak of the schedule is held now; before it multiplied the peak",
        _ANY,
        lambda run: any(isinstance(one, SetOptimizer | SetLearningRate) for one in run.commands),
    ),
    Mend(
        "longer-runs",
        "a schedule that has ended is planned for the new length now; before its last rate, often 0, went on",
        _ANY,
        lambda run: run.resumed or any(isinstance(one, SetEpochs) for one in run.commands),
    ),
    Mend(
        "plateau-negative",
        "a plateau schedule under a relative threshold can drop the rate for a negative metric now",
        _ANY,
        lambda run: any(isinstance(scheduler, Plateau) for scheduler in _schedulers(run)),
    ),
    Mend(
        "csv-columns",
        "columns of CSV files are read otherwise now: 1 and 1.0 are one class, decimal commas are numbers, 1_000 is "
        "text, identifiers are left out",
        _ANY,
        lambda run: run.config.data.kind == "csv",
    ),
    Mend(
        "standardise-constants",
        "columns that vary by more than rounding are standardised now, however large their mean",
        _ANY,
        lambda run: run.config.data.standardise and run.config.data.kind in ("csv", "import"),
    ),
    Mend(
        "fast-path-shared",
        "models with shared layers no longer take the faster steps, in which a shared layer lost gradients",
        _ANY,
        lambda run: run.config.model.kind == "import" and run.config.training.fast_path == "auto",
    ),
    Mend(
        "graph-outputs",
        "outputs and gradients of CUDA graphs are copied now before the next replay overwrites them",
        r"train_(?!loss).*|grad_norm.*|update_ratio.*",
        lambda run: run.config.training.cuda_graphs,
    ),
    Mend(
        "graph-inputs",
        "CUDA graphs read their batches from a copy now: each replay overwrote the first samples of the training data",
        _ANY,
        lambda run: run.config.training.cuda_graphs,
    ),
    Mend(
        "finite-weights",
        "a run whose weights are no longer finite ends now",
        LENGTH,
        lambda run: any(not math.isfinite(value) for row in run.history.rows.values() for value in row.values()),
    ),
)
