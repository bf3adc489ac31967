"""The training thread of a host: builds every run, opens the run directories, trains, and reports the end."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import shutil
import socket
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.config.run_config import RunConfig
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError
from tui_trainer.host.changed_data import check_data
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.restore import open_journal, restore_journal
from tui_trainer.host.spec import HostSpec, RunSpec, colors_of
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand, Stop
from tui_trainer.runs.comparing.code_version import CodeReader, CodeVersion
from tui_trainer.runs.recorded_data import changes
from tui_trainer.runs.run_dir import Owner, RunDir, read_about, recorded_processes

if TYPE_CHECKING:
    from tui_trainer.engine.checkpointing.restore import RestoredTrainer
    from tui_trainer.engine.ranks.ranks import JoinedRanks
    from tui_trainer.engine.trainer import Trainer

NO_LOCKS = (
    "the file system of this run has no locks; hosts on this machine are kept apart by an owner file, "
    "hosts on other machines only while their clocks agree"
)
"""Logged where a run directory lies on a file system without `flock`."""


class Worker:
    """Trains the runs of a spec in the thread that calls `work`.

    Args:
        spec: the runs.
        bus: the event bus that receives their events.
        join: joins the other processes that train the run, once torch is imported; None for one process.
        opened: called with the first run directory once it is open, so that log capture can write into it.
    """

    def __init__(
        self,
        spec: HostSpec,
        bus: EventBus,
        opened: Callable[[RunDir], None],
        join: Callable[[], JoinedRanks] | None = None,
    ) -> None:
        self.spec = spec
        self._join = join
        self.exit_code = 0
        self.refusal = ""
        """Why nothing was trained, empty if something was."""
        self.over = threading.Event()
        self.ready: Callable[[], None] = lambda: None
        """Called when every run has its directory, just before training."""
        self._bus = bus
        self._opened = opened
        self._go_on = threading.Event()
        """Set when a command came, to wake a paused worker."""
        self._lock = threading.Lock()
        self._early: list[AnyCommand] = []
        self._trainers: list[Trainer] = []
        self._built = self._training = False
        self._code: CodeReader | None = None
        """Reads the version of the code while torch is imported."""
        self._folders: list[RunDir] = []
        self._made: list[RunDir] = []

    # -- asked from other threads -----------------------------------------------------------------------------------

    def submit(self, command: AnyCommand) -> str | None:
        """Pass a command to the runs that it is for. Returns a reason if there is none."""
        if self.over.is_set():
            return "the run is over"
        names = [run.name for run in self.spec.runs]
        if command.run != ALL_RUNS and command.run not in names:
            return f"no run {command.run!r} here: {', '.join(names)}"
        if not command.id:
            command = command.model_copy(update={"id": secrets.token_hex(8)})
        with self._lock:
            if self._training:
                receivers = [trainer for trainer in self._trainers if command.run in (ALL_RUNS, trainer.run_name)]
                if command.run == ALL_RUNS:  # runs that are over need not refuse a command for the others
                    receivers = [trainer for trainer in receivers if not trainer.state.over] or receivers
                for trainer in receivers:
                    trainer.submit(command)
            elif isinstance(command, Stop) and not self._built:
                self._abandon(command)
            else:
                self._early.append(command)
        self._go_on.set()
        return None

    def _abandon(self, command: Stop) -> None:
        """Stop before training began, without waiting for the import of torch."""
        who = f" by {command.by}" if command.by else ""
        self._refuse(f"{command.reason}{who} before training began", code=130 if command.by == "SIGINT" else 0)
        self.over.set()

    @property
    def began(self) -> bool:
        """Whether training began; if not, the host does not wait for the thread."""
        return self._training or not self.refusal

    @property
    def completed(self) -> bool:
        """Whether every run is complete: none was interrupted."""
        return bool(self._trainers) and all(
            trainer.state.ending is None or trainer.state.ending.reason != "interrupted" for trainer in self._trainers
        )

    @property
    def device_memory(self) -> int:
        """Bytes allocated on the accelerator."""
        if not self._training:
            return 0
        from tui_trainer.engine.device import allocated

        return allocated(self._trainers[0].services.setup.device)

    def claim(self) -> None:
        """Lock run directories that were removed and are back."""
        for folder in list(self._folders):
            with contextlib.suppress(OSError):
                folder.claim()

    def release(self) -> None:
        """Unlock the run directories."""
        for folder in self._folders:
            folder.release()

    # -- in the thread that trains ----------------------------------------------------------------------------------

    def work(self) -> None:
        """Build, train, end. Never raises: an error becomes an event and an exit code."""
        try:
            self._build()
            with self._lock:  # from here on the runs themselves apply a stop
                if self.over.is_set():
                    return
                self._built = True
            self._open()
            # The objects of torch stay: the garbage collector need not scan them again while training.
            gc.collect()
            gc.freeze()
            self._train()
        except UserError as error:
            self._refuse(str(error))
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            self._refuse(f"{type(error).__name__}: {error}", code=1)
        finally:
            self.over.set()

    def _build(self) -> None:
        self._code = CodeReader()
        self._publish_starting("importing torch")
        from tui_trainer.engine.checkpointing.checkpointer import has_checkpoint
        from tui_trainer.engine.commands.queue import CommandQueue
        from tui_trainer.engine.device import use_threads
        from tui_trainer.engine.trainer import Trainer

        use_threads(self.spec.threads)
        self._publish_starting("building data and model")
        ranks = self._join() if self._join is not None else None
        colors = colors_of(self.spec.runs)
        for run in self.spec.runs:
            config = RunConfig.model_validate(run.config)
            check_trust([config], f"run {run.name!r}", self.spec.trust)
            trainer = Trainer(
                run.name,
                config,
                lambda event, name=run.name: self._bus.publish(name, event),
                CommandQueue(self._go_on),
                title=run.title,
                preset=run.preset,
                color=colors[run.name],
                ranks=ranks,
            )
            trainer.set_up(restored=run.resume and has_checkpoint(RunDir(Path(run.path)).checkpoints))
            self._trainers.append(trainer)
        watched = [trainer for trainer in self._trainers if trainer.config.training.system_load]
        if watched:
            from tui_trainer.engine.monitoring.system_load import ProcessLoad

            load = ProcessLoad(watched[0].services.setup.device)
            for trainer in watched:
                trainer.watch_load(load)

    def _publish_starting(self, detail: str) -> None:
        for run in self.spec.runs:
            self._bus.publish(run.name, ev.StatusChanged(status="starting", detail=detail))

    def _open(self) -> None:
        """Create or lock the run directories; nothing has been written before this."""
        from tui_trainer.engine.run_metadata import data_now

        owner = Owner(os.getpid(), socket.gethostname(), self.spec.socket)
        for run, trainer in zip(self.spec.runs, self._trainers, strict=True):
            folder = RunDir(Path(run.path))
            if run.resume:
                folder.hold(owner)
                self._folders.append(folder)
            else:
                self._make(run, trainer, folder, owner)
            if len(self._folders) == 1:
                self._opened(folder)
        resumed = self._restore()
        for run, trainer, folder in zip(self.spec.runs, self._trainers, self._folders, strict=True):
            if run.resume:
                restored = restore_journal(trainer, folder, resumed[run.name], self._code_version)
                self._bus.resume_run(run.name, restored.state, restored.journal)
                for line in restored.messages:
                    trainer.events.log(line, trainer.state.step)
            elif run.script is not None:
                trainer.repeat(run.script)
            trainer.begin(folder, lambda name=run.name: self._bus.sync_journal(name))
            for line in changes(list(run.recorded_data), data_now(trainer.services)):
                trainer.events.log(f"{line}; this replay cannot be identical", trainer.state.step)
            if not folder.has_locks:
                trainer.events.log(NO_LOCKS, trainer.state.step)
            for command in run.commands:
                trainer.commands.put(command)

    @property
    def _code_version(self) -> CodeVersion | None:
        """The version of the code in the working directory, None where there is none or git is too slow."""
        return self._code.result() if self._code is not None else None

    def _restore(self) -> dict[str, RestoredTrainer]:
        """Restore each resumed run from its last intact checkpoint: all of them fit, or nothing is written."""
        from tui_trainer.engine.checkpointing.restore import restore_last

        restored: dict[str, RestoredTrainer] = {}
        for run, trainer, folder in zip(self.spec.runs, self._trainers, self._folders, strict=True):
            if run.resume:
                restored[run.name] = restore_last(trainer.state, trainer.services, folder.checkpoints)
                notes = check_data(trainer, folder, allowed=self.spec.data_changed)
                restored[run.name].messages.extend([*notes, *self._other_count(folder)])
        return restored

    def _other_count(self, folder: RunDir) -> list[str]:
        """Return in words that another number of processes goes on with a run; empty where it is the same."""
        before, now = recorded_processes(read_about(folder.path)), self.spec.processes
        if before == now:
            return []
        return [
            f"trained by {before} process{'es' if before > 1 else ''} before, and by {now} from here on: sums over a "
            "batch are rounded otherwise and dropout draws other masks, so the curve is not exactly that of the run"
        ]

    def _make(self, run: RunSpec, trainer: Trainer, folder: RunDir, owner: Owner) -> None:
        """Create the run's directory with its configuration; from here on its events are written."""
        from tui_trainer.config.preset import dump
        from tui_trainer.engine.run_metadata import about

        folder.create(dump(trainer.config), about(trainer.services, self.spec.command, self._code_version), owner)
        self._made.append(folder)
        self._folders.append(folder)
        self._bus.attach_journal(run.name, open_journal(folder))

    def _train(self) -> None:
        from tui_trainer.engine.multi_run import refuse_waiting, train_runs

        with self._lock:
            self._training = True
        self.ready()
        for command in self._early:
            self.submit(command)
        train_runs(self._trainers, self._go_on)
        for trainer in self._trainers:
            refuse_waiting(trainer)
        self.exit_code = max(trainer.state.exit_code for trainer in self._trainers)

    def _refuse(self, reason: str, code: int = 2) -> None:
        """Publish why nothing is trained, and delete the directories that were created for it."""
        if self.over.is_set():
            return
        self.refusal, self.exit_code = reason, code
        why: ev.Reason = "refused" if code == 2 else "failed" if code == 1 else "interrupted"
        for run in self.spec.runs:
            self._bus.publish(run.name, ev.RunFinished(reason=why, detail=reason, exit_code=code))
        if code == 2:
            for folder in self._made:
                folder.release()
                shutil.rmtree(folder.path, ignore_errors=True)
