"""A cache of runs for the checks: each is trained once per seed, in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from tui_trainer.config.preset import load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.multi_run import train_runs
from tui_trainer.engine.trainer import Trainer
from tui_trainer.errors import UserError
from tui_trainer.lecture.trained_run import TrainedRun
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand

Script = Sequence[tuple[int, AnyCommand]]
"""Commands to apply at given steps, as if sent by a user."""


class Variants(Mapping[str, TrainedRun]):
    """The runs of a preset by variant ("" for a single run), each trained on first access."""

    def __init__(self, configs: dict[str, RunConfig], train: Callable[[str, RunConfig], TrainedRun]) -> None:
        self._configs = configs
        self._train = train
        self._trained: dict[str, TrainedRun] = {}

    def __getitem__(self, variant: str) -> TrainedRun:
        if variant not in self._trained:
            self._trained[variant] = self._train(variant, self._configs[variant])
        return self._trained[variant]

    def __iter__(self) -> Iterator[str]:
        return iter(self._configs)

    def __len__(self) -> int:
        return len(self._configs)


class TrainingCache:
    """Trains runs with one seed and caches them for other rows.

    Args:
        seed: what every run draws from.
        tell: takes a line when training begins.
    """

    def __init__(self, seed: int, tell: Callable[[str], None] = lambda line: None) -> None:
        self.seed = seed
        self._tell = tell
        self._known: dict[tuple[str, tuple[str, ...], tuple[int, ...]], Variants] = {}

    def runs(self, preset: str, *overrides: str, weights_at: Sequence[int] = ()) -> Variants:
        """Return the runs of a preset by variant, with `KEY=VALUE` overrides applied.

        Args:
            preset: its name.
            overrides: as on the command line.
            weights_at: the epochs at whose end the weights are kept.
        """
        key = (preset, overrides, tuple(weights_at))
        if key not in self._known:
            configs = load(preset, [*overrides, f"training.seed={self.seed}"]).runs
            self._known[key] = Variants(
                configs,
                lambda variant, config: self.train(config, f"{preset} {variant}".strip(), weights_at=weights_at),
            )
        return self._known[key]

    def train(self, config: RunConfig, name: str, *, weights_at: Sequence[int] = (), script: Script = ()) -> TrainedRun:
        """Train one run to its end with the real engine.

        Raises:
            UserError: it cannot be built, or an error ended it.
        """
        self._tell(name)
        at_once = config.training.model_copy(update={"steps_per_second": 0.0})  # no one watches, so run at full speed
        config = config.model_copy(update={"training": at_once})
        trained: TrainedRun | None = None

        def publish(event: ev.AnyEvent) -> None:
            if trained is None:
                return
            trained.record.add(event)
            if isinstance(event, ev.EpochEnded):
                trained.epochs.append(event)
                if event.epoch in weights_at:
                    trained.weights[event.epoch] = copied(trained.setup.model.state_dict())
            elif isinstance(event, ev.PictureTaken):
                trained.pictures.setdefault(event.name, []).append(event)
            elif isinstance(event, ev.Diagnosed) and event.active:
                trained.findings.append(event)

        wake = threading.Event()
        trainer = Trainer(name, config, publish, CommandQueue(wake))
        trainer.set_up()
        setup = trainer.services.setup
        trained = TrainedRun(config, setup, weights={0: copied(setup.model.state_dict())})
        trainer.begin(None)
        if script:
            trainer.repeat(script)
        train_runs([trainer], wake)
        if trained.ending.reason == "failed":
            raise UserError(f"{name}: {trained.ending.detail}")
        setup.model.eval()
        return trained
