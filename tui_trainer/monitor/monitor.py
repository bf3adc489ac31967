"""The public `Monitor`: what a training script calls. Heavy modules are imported when a monitor is made, not before."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from tui_trainer.errors import UserError
from tui_trainer.monitor.declaring import Declaring
from tui_trainer.monitor.messages import say, say_how_to_attach
from tui_trainer.monitor.parts.lifetime import close_at_exit
from tui_trainer.monitor.parts.settings import watched_by_default

if TYPE_CHECKING:
    from tui_trainer.monitor.parts.values import StepValues
    from tui_trainer.monitor.script_run import ScriptRun

Batch = TypeVar("Batch")


class StopTraining(Exception):
    """Raised at a boundary of the loop when the run was asked to stop, by a monitor with `on_stop="raise"`."""


class Monitor(Declaring):
    """Watch and steer a training loop of your own, from the screen and the commands of tui-trainer.

    A run folder is made, viewers in other terminals can attach, and commands take effect between two steps. An error in
    here never ends the training; an error of the training is written down and raised again.

    Args:
        name: of the run; its folder gets the time and a short id too.
        model: the model, or a dict of models; without it nothing can be saved or rolled back.
        optimizer: the optimizer, or a dict of them: the steps of the first one are counted.
        scheduler: its schedule, or a list of them.
        config: the settings of the script: a dict, a dataclass, an argparse namespace.
        evaluate: measures the validation data; returns a loss, or metrics by name.
        best: the metric that decides which epoch is the best, and "min" or "max".
        patience: epochs without a better one after which the run stops; None for no early stopping.
        roles: the names of the training and the validation loss, as {"train_loss": NAME, "val_loss": NAME}.
        save: "epoch", a time such as "10 min", or None: nothing is saved unless a command asks for it.
        keep_last: epoch saves to keep besides the last and the best.
        undo_limit: bytes of the largest copy in memory for an undo.
        resume: True or "auto" goes on with the newest unfinished run of this name ("auto" begins a new one where there
            is none), or with the run of the name that is given; one with another configuration is refused.
        mirror: "tensorboard", "csv", "jsonl" or some of them: files in the run folder for other programs.
        guards: rules such as "when grad_norm is not finite: skip the step", which are armed when the loop begins.
        on_stop: "end" lets `batches`, `epochs` and `steps` end; "raise" raises `StopTraining` out of the loop.
        runs_dir: the runs directory; else TUI_TRAINER_RUNS, else ./runs.
        quiet: print nothing.
        enabled: False does nothing, as TUI_TRAINER=off does; None: enabled, except in worker processes.
    """

    def __init__(
        self,
        name: str,
        *,
        model: Any = None,
        optimizer: Any = None,
        scheduler: Any = None,
        config: Any = None,
        evaluate: Callable[[], Any] | None = None,
        best: tuple[str, str] = ("val_loss", "min"),
        patience: int | None = None,
        roles: Mapping[str, str] | None = None,
        save: str | None = None,
        keep_last: int = 0,
        undo_limit: int = 1 << 30,
        on_stop: Literal["end", "raise"] = "end",
        resume: bool | str = False,
        mirror: str | Sequence[str] = (),
        guards: str | Sequence[str] = (),
        runs_dir: str | os.PathLike[str] | None = None,
        quiet: bool = False,
        enabled: bool | None = None,
    ) -> None:
        if on_stop not in ("end", "raise"):
            raise ValueError(f'Monitor: on_stop={on_stop!r}: give "end" or "raise"')
        self._run: ScriptRun | None = None
        self._values: StepValues | None = None  # what takes logged values
        self._raises = on_stop == "raise"
        self._told = False
        self._name = self._path = ""
        self._steps = 0  # of a run that is closed
        if enabled is False or not watched_by_default():
            return
        from tui_trainer.monitor.build import Given
        from tui_trainer.monitor.parts.processes import made

        given = Given(
            name=str(name),
            model=model,
            optimizer=optimizer,
            scheduler=scheduler,
            config=config,
            evaluate=evaluate,
            best=best,
            patience=patience,
            roles=roles,
            save=save,
            keep_last=keep_last,
            undo_limit=undo_limit,
            runs_dir=os.fspath(runs_dir) if runs_dir is not None else None,
            resume=resume,
            mirror=mirror,
            guards=guards,
        )
        try:
            self._run = made(given)
        except (UserError, OSError) as error:
            if resume:
                raise  # a run from the start is not what was asked for
            self._trouble(error, f"this training is not watched: {error}")
            return
        if self._run is None:
            return  # of processes that train together, the first has the run
        self._values = self._run.services.values
        self._name, self._path = self._run.name, str(self._run.path)
        close_at_exit(self)
        if not quiet and self._run.leads:
            say_how_to_attach(self._run.path)

    # -- the run as a context ---------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        stopped = isinstance(error, StopTraining)
        if stopped or (isinstance(error, SystemExit) and error.code in (None, 0)):
            error = None
        self._close(error)
        return stopped

    def close(self) -> None:
        """End the run; for scripts and notebooks without `with`."""
        self._close(None)

    def _close(self, error: BaseException | None) -> None:
        run = self._run
        if run is None:
            return
        with run.undisturbed(error):
            self._run = self._values = None
            self._finish(run, error or run.cut_off())

    def _finish(self, run: ScriptRun, error: BaseException | None) -> None:
        try:
            trace = "".join(traceback.format_exception(error)) if isinstance(error, Exception) else ""
            from tui_trainer.monitor.run_end import finish

            run.leave_others(error)
            finish(run, error, trace)
            self._steps = run.state.step
        except Exception as trouble:  # noqa: BLE001
            self._trouble(trouble)

    @property
    def run(self) -> str:
        """The name of the run; empty without one."""
        return self._name

    @property
    def path(self) -> str:
        """The folder of the run; empty without one."""
        return self._path

    @property
    def step_count(self) -> int:
        """Steps taken, as they are counted; 0 without a run."""
        return self._run.state.step if self._run is not None else self._steps

    @property
    def should_stop(self) -> bool:
        """Whether the run was asked to stop now."""
        return self._run is not None and self._run.state.stops_now

    # -- loops ------------------------------------------------------------------------------------------------------

    def epochs(self, count: int) -> Iterator[int]:
        """Yield the numbers of the epochs, from 0; a command can make them more or fewer."""
        run = self._active()
        if run is None:
            yield from range(count)
            return
        run.services.counts_epochs = True
        state = run.state
        if run.resumed is None or run.told_resumed:
            self._safely(run.length.planned, count, None)
        else:
            self._safely(run.begin)  # what the script draws from here on has to come from the generators of the save
        while state.epoch < state.epochs and not state.stops_now:
            epoch = state.epoch
            yield epoch
            if state.epoch == epoch:
                if state.stops_now:
                    break
                self._safely(run.end_epoch, {})
                if state.epoch == epoch:  # trouble
                    state.epoch += 1
            self._safely(run.agree)
            self._safely(run.save_epoch)
        if self._raises and self.should_stop:
            raise StopTraining

    def batches(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches of a loader; commands take effect between two of them, after a step."""
        run = self._active()
        if run is None or run.inside:
            yield from loader
            return
        run.services.hands_out = True
        self._safely(self._loop_begins, run, getattr(loader, "__len__", None))
        from tui_trainer.monitor.loaders import take_loader

        self._safely(take_loader, run, loader)
        iterator = iter(loader)
        whole = False
        try:
            while True:
                try:
                    if not run.boundary():
                        break
                except Exception as error:  # noqa: BLE001
                    self._trouble(error)
                if run.trials.asked is not None:
                    from tui_trainer.monitor.trying.trials import hand_out

                    iterator = yield from hand_out(run, iterator, loader)
                    continue
                began = perf_counter()
                try:
                    batch = next(iterator)
                except StopIteration:
                    break
                run.waited += perf_counter() - began
                run.batch_begins()
                yield batch
            whole = True
        finally:
            self._safely(run.loop_ends, whole=whole)
        if self._raises and run.state.stops_now:
            raise StopTraining

    def steps(self, count: int | None = None) -> Iterator[int]:
        """Yield the numbers of steps, from 0; without a count, until the run is asked to stop."""
        run = self._active()
        number = run.state.position if run is not None and run.resumed is not None and not run.told_resumed else 0
        if run is not None:
            run.services.hands_out = False
            self._safely(self._loop_begins, run, (lambda: count) if count is not None else None, epochs=1)
            self._safely(self._say_resumed, run)
            run.state.position = number
        while count is None or number < count:
            if run is not None and not self._goes_on(run):
                break
            if run is not None:
                run.batch_begins()
            yield number
            number += 1
        if run is not None:
            self._goes_on(run)
            self._safely(run.loop_ends, whole=True)
            if self._raises and run.state.stops_now:
                raise StopTraining

    def step(
        self,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        weight: float = 1.0,
        axis: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> bool:
        """Count a step here, log what is given, and let commands take effect. Returns False when to stop."""
        run = self._active()
        if run is None:
            return True
        if not run.services.has_boundaries:
            self._safely(self._loop_begins, run, None)
            self._safely(self._say_resumed, run)
        self.log(values, weight=weight, axis=axis, **named)
        self._safely(run.count_explicitly)
        goes_on = self._goes_on(run)
        if self._raises and not goes_on:
            raise StopTraining
        return goes_on

    def _loop_begins(self, run: ScriptRun, length: Callable[[], Any] | None, epochs: int | None = None) -> None:
        run.services.has_boundaries = True
        try:
            per_epoch = int(length()) if length is not None else None
        except TypeError:  # a loader without a length
            per_epoch = None
        planned = epochs if not run.services.counts_epochs else None
        run.length.planned(planned if per_epoch else None, per_epoch)
        run.begin()
        run.tell_capabilities()
        run.loop_begins()

    def _say_resumed(self, run: ScriptRun) -> None:
        from tui_trainer.monitor.loaders import say_resumed

        say_resumed(run)

    def _goes_on(self, run: ScriptRun) -> bool:
        """Return whether the loop takes another batch, after commands took effect."""
        try:
            return run.boundary()
        except Exception as error:  # noqa: BLE001
            self._trouble(error)
            return True

    # -- numbers and records ----------------------------------------------------------------------------------------

    def log(
        self,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        weight: float = 1.0,
        reduce: Literal["mean", "sum", "last"] = "mean",
        axis: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> None:
        """Log numbers of the present step, by name: floats, or tensors with one element, for which nothing waits.

        Args:
            values: numbers by names that are no words, such as {"reward/mean": r}.
            weight: of these numbers in the mean over several calls in a step, and of the loss in that of the epoch.
            reduce: what several calls in a step give.
            axis: amounts by column, which are added up: charts can be drawn by the sums.
        """
        row = self._values
        if row is None:
            return
        try:
            row.add(named if values is None else {**values, **named}, weight, reduce)
            if axis is not None:
                for name, value in axis.items():
                    row.count(name, value)
        except Exception as error:  # noqa: BLE001
            self._trouble(error)

    def log_epoch(self, values: Mapping[str, Any] | None = None, /, **named: Any) -> None:
        """End an epoch with its metrics, such as the validation loss."""
        self._safely(self._log_epoch, {**(values or {}), **named})

    def _log_epoch(self, given: Mapping[str, Any]) -> None:
        from tui_trainer.monitor.build import metrics_of

        run = self._active()
        if run is not None and run.services.trials.running is None:
            run.begin()
            metrics = {name: metrics_of({name: value}, run.services.values.roles) for name, value in given.items()}
            run.end_epoch({series: number for each in metrics.values() for series, number in each.items()})
            if not run.services.counts_epochs:
                run.save_epoch()

    # -- trouble ----------------------------------------------------------------------------------------------------

    def forked(self) -> None:
        """Do nothing any more, in a process that was forked from the one with the run."""
        if self._run is not None:
            self._run.closed = True
        self._run = self._values = None

    def _active(self) -> ScriptRun | None:
        """Return the run, None where there is none, or in a process that was forked from this one."""
        return self._run

    def _safely(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a part of the monitor; its errors are said, and end nothing."""
        try:
            return call(*arguments, **named)
        except StopTraining:
            raise
        except Exception as error:  # noqa: BLE001
            self._trouble(error)
            return None

    def _trouble(self, error: Exception, said: str = "") -> None:
        """Say once that something in here failed."""
        if self._told:
            return
        self._told = True
        text = said or f"the training goes on, but its monitor failed: {type(error).__name__}: {error}"
        say(text)
        if self._run is not None:
            with contextlib.suppress(Exception):
                self._run.events.log(text, self._run.state.step)
