"""The interventions of a run for a script: what it does at which step, the plans of the rate, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tui_trainer.components.optimizers.base import Named
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.epoch_lengths import EpochLength, Lengths
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import RunConfig
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.actions.written_command import written_command
from tui_trainer.runs.history import RunHistory
from tui_trainer.runs.torch_script.optimizer_code import is_pair, replaced
from tui_trainer.runs.torch_script.schedule_code import Stretch
from tui_trainer.text import visible

_NO_EFFECT = (cmd.Note, cmd.Evaluate, cmd.ShowAnswers, cmd.FindRate, cmd.SetGuard, cmd.RemoveGuard)
"""Commands that change nothing of the training; what a guard does is a command of its own."""
_OPTIMIZER_KNOBS = ("weight_decay", "momentum", "other_weight_decay", "beta1", "beta2")
"""Knobs that are settings of the optimizer."""
_GROUP = "rate/"
"""Prefix of the knob of a group of parameters."""


@dataclass(slots=True)
class Steering:
    """Everything that was done to a run.

    Attributes:
        stretches: the plans of the learning rate.
        blocks: the statements of the script at each step.
        epochs: after which the run is complete.
        ends: epochs that were the last one for a while; they are validated.
        went_on: steps at which a run that had ended was taken up again.
        last_step: the step after which the run was stopped in the middle of an epoch.
        validates: whether it was validated there.
        restores_best: whether the best weights were restored at the end, for a run that was stopped.
        lengths: of the epochs, where the size of the batches was changed.
        saved: names of the checkpoints that a roll-back uses.
        back_to_best: whether a roll-back goes to the best epoch.
        many: whether an optimizer of the run is a pair.
        problems: what a script cannot do.
    """

    stretches: list[Stretch]
    epochs: int
    blocks: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    ends: set[int] = field(default_factory=set[int])
    went_on: set[int] = field(default_factory=set[int])
    last_step: int | None = None
    validates: bool = True
    restores_best: bool = False
    lengths: Lengths = ()
    saved: set[str] = field(default_factory=set[str])
    back_to_best: bool = False
    many: bool = False
    problems: list[str] = field(default_factory=list[str])

    @property
    def plans(self) -> list[LrPlan]:
        """The plans of the learning rate."""
        return [stretch.plan for stretch in self.stretches]


class Steered:
    """Follows a run from its first step to its last, and writes down what its script has to do.

    Args:
        config: of the run.
        per_epoch: steps in an epoch.
        history: its interventions.
        trained: the trained parameters.
        device: the one that the run trained on.
    """

    def __init__(self, config: RunConfig, per_epoch: int, history: RunHistory, trained: Named, device: str) -> None:
        epochs = config.training.epochs
        plan = LrPlan.begin(
            config.scheduler, config.optimizer.lr, step=0, end=epochs * per_epoch, steps_per_epoch=per_epoch
        )
        self._trained, self._device = trained, device
        self._optimizer: AnyOptimizer = config.optimizer
        self._optimizers: list[tuple[int, AnyOptimizer]] = [(0, config.optimizer)]
        self._plan = plan
        self._named: set[str] = set()
        self._resizes: list[EpochLength] = list(history.lengths[1:])
        self._accumulate = config.training.accumulate
        self._pairs = list(zip(history.interventions, history.events, strict=True))
        self.found = Steering([Stretch(0, plan)], epochs, lengths=history.lengths)
        self.found.many = is_pair(config.optimizer) or any(
            isinstance(event, ev.OptimizerChanged) and is_pair(event.optimizer) for _, event in self._pairs
        )

    def follow(self) -> Steering:
        """Follow the run to its end."""
        rolled = [
            command.to for (_, command), _ in self._pairs if isinstance(command, cmd.RollBack)
        ]  # fmt: skip
        self.found.saved = {name for name in rolled if name != "best"}
        self.found.back_to_best = "best" in rolled
        for (step, command), event in self._pairs:
            while self._resizes and (
                self._resizes[0].step < step or (self._resizes[0].step == step and not self._resized_at(step, command))
            ):
                self._resize()
            self._apply(step, command, event)
        while self._resizes:
            self._resize()
        return self.found

    def _resized_at(self, step: int, command: cmd.AnyCommand) -> bool:
        """Return whether a command at the beginning of an epoch is the one that resizes its batches."""
        size = -(-self._resizes[0].batch_size // self._accumulate)
        return isinstance(command, cmd.SetKnob) and command.name == "batch_size" and command.value == size

    def _resize(self) -> None:
        length = self._resizes.pop(0)
        before = self._plan.lengths[-1].batch_size if self._plan.lengths else self.found.lengths[0].batch_size
        epochs = self.found.epochs
        plan = self._plan.with_batch_size(
            length.batch_size, length.steps, step=length.step, epoch=length.epoch, epochs=epochs, before=before
        )
        self._begin(length.step, plan, f"batches of {length.batch_size} samples")

    def _begin(self, step: int, plan: LrPlan, why: str) -> None:
        """Follow another plan from a step on."""
        self._plan = plan
        last = self.found.stretches[-1]
        if last.start == step:
            last.plan = plan
            last.why.append(why)
        else:
            self.found.stretches.append(Stretch(step, plan, [why]))

    def _do(self, step: int, command: cmd.AnyCommand, lines: list[str]) -> None:
        self.found.blocks.setdefault(step, []).extend([f"# {_said(command)}", *lines])

    def _apply(self, step: int, command: cmd.AnyCommand, event: ev.AnyEvent) -> None:
        match command:
            case cmd.SetLearningRate() | cmd.SetScheduler() | cmd.SetEpochs():
                self._change_plan(step, command, event)
            case cmd.SetOptimizer(named=named):
                if isinstance(event, ev.OptimizerChanged):
                    self._replace(step, command, event.optimizer, keep=named is not None)
                    self._begin(step, event.plan, _said(command))
            case cmd.SetClip(value=value):
                self._do(step, command, [f"clip = {value!r}"])
            case cmd.SetPatience():
                names = {"patience": "patience", "min_delta": "min_delta", "enabled": "stops_early"}
                changes = [
                    f"{variable} = {value!r}"
                    for name, variable in names.items()
                    if (value := getattr(command, name)) is not None
                ]
                self._do(step, command, changes)
                self._goes_on(step)
            case cmd.SaveCheckpoint(name=name):
                name = name or f"step-{step}"
                self._named.add(name)
                if name in self.found.saved:
                    self._do(step, command, [f"saved[{name!r}] = copy.deepcopy(state())"])
            case cmd.RollBack(to=to):
                self._roll_back(step, command, event)
                if to == "best":
                    self._goes_on(step)
            case cmd.SetKnob():
                self._set_knob(step, command)
            case cmd.Stop():
                self._stop(step, command)
            case _ if isinstance(command, _NO_EFFECT):
                pass
            case _:
                self._refuse(step, command)

    def _refuse(self, step: int, command: cmd.AnyCommand) -> None:
        self.found.problems.append(f"{command.cli_names()[0]} at step {step}")

    def _change_plan(self, step: int, command: cmd.AnyCommand, event: ev.AnyEvent) -> None:
        plan = getattr(event, "plan", None)
        if plan is None:
            self._refuse(step, command)
            return
        if isinstance(command, cmd.SetEpochs) and isinstance(event, ev.SettingChanged):
            self.found.ends.add(self.found.epochs)
            self.found.epochs = int(event.value)
            self._goes_on(step)
        self._begin(step, plan, _said(command))

    def _goes_on(self, step: int) -> None:
        """Remember a step at which a run may have been taken up again that had stopped early."""
        if step and self._is_boundary(step):
            self.found.went_on.add(step)

    def _is_boundary(self, step: int) -> bool:
        return self._plan.step_of_epoch(self._plan.epochs_ended(step)) == step

    def _replace(self, step: int, command: cmd.AnyCommand, wanted: AnyOptimizer, *, keep: bool) -> None:
        lines = replaced(self._optimizer, wanted, self._trained, self._device, keep=keep, many=self.found.many)
        if isinstance(lines, str):
            self.found.problems.append(f"{lines} (step {step})")
            return
        self._optimizer = wanted
        self._optimizers.append((step, wanted))
        self._do(step, command, lines)

    def _roll_back(self, step: int, command: cmd.RollBack, event: ev.AnyEvent) -> None:
        if not isinstance(event, ev.RolledBack):
            self._refuse(step, command)
            return
        saved_at = event.saved_at
        if saved_at is None:
            saved_at = self._plan.step_of_epoch(event.from_epoch)
        then = [optimizer for at, optimizer in self._optimizers if at < saved_at or not at][-1]
        if then.model_copy(update={"lr": self._optimizer.lr}) != self._optimizer:
            self.found.problems.append(f"a roll-back to a save with another optimizer (step {step})")
        source = "best" if command.to == "best" else f"saved[{self._saved_as(command.to, saved_at)!r}]"
        self._do(step, command, [f"go_back({source})"])

    def _saved_as(self, name: str, saved_at: int) -> str:
        """Return the name of a save in the script; one that the clock made, as `last`, gets a name of its own."""
        if name in self._named:
            return name
        own = f"step-{saved_at}"
        if own not in self._named:
            self._named.add(own)
            self.found.saved.add(own)
            self.found.blocks.setdefault(saved_at, []).insert(0, f"saved[{own!r}] = copy.deepcopy(state())")
        return own

    def _set_knob(self, step: int, command: cmd.SetKnob) -> None:
        name, value = command.name, command.value
        if name == "dropout":
            self._do(step, command, [
                "for layer in model.modules():",
                "    if isinstance(layer, nn.Dropout):",
                f"        layer.p = {value!r}",
                '    elif isinstance(getattr(layer, "dropout", None), float):',
                f"        layer.dropout = {value!r}",
            ])  # fmt: skip
        elif name in ("label_smoothing", "clip"):
            self._do(step, command, [f"{name} = {float(value)!r}"])
        elif name in _OPTIMIZER_KNOBS or name.startswith(_GROUP):
            wanted = type(self._optimizer).model_validate(self._with_knob(name, float(value)))
            self._replace(step, command, wanted, keep=True)
        elif name != "batch_size":  # the sizes of the epochs say it
            self._refuse(step, command)

    def _with_knob(self, name: str, value: float) -> dict[str, Any]:
        """Return the settings of the optimizer with a knob set."""
        fields: dict[str, Any] = dict(self._optimizer)
        if match := name.removeprefix(_GROUP) if name.startswith(_GROUP) else "":
            changed = {"lr_factor": value}
            groups = self._optimizer.groups
            return fields | {
                "groups": [one.model_copy(update=changed) if one.match == match else one for one in groups]
            }
        if name in ("beta1", "beta2"):
            fields["betas"] = (value, fields["betas"][1]) if name == "beta1" else (fields["betas"][0], value)
            return fields
        names = ("weight_decay", "other_weight_decay") if name == "weight_decay" else (name,)
        return fields | {one: value for one in names if one in fields}

    def _stop(self, step: int, command: cmd.Stop) -> None:
        found, plan = self.found, self._plan
        epoch = plan.epochs_ended(step)
        found.restores_best = command.restore_best
        if command.when == "epoch" and epoch < found.epochs:
            found.epochs = epoch + 1
        elif self._is_boundary(step):
            found.epochs = min(found.epochs, epoch)
        else:
            found.epochs, found.last_step = min(found.epochs, epoch + 1), step
            found.validates = command.when != "now"


def _said(command: cmd.AnyCommand) -> str:
    """Return a command in the words of `send`, with its reason."""
    written = written_command(command)
    words = written if isinstance(written, str) else command.cli_names()[0]
    return visible(f"{words}; because: {command.because}" if command.because else words)
