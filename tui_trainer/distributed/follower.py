"""A rank other than the first: trains its share, without journal, socket and screen."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.config.run_config import RunConfig
from tui_trainer.config.trust import check_trust
from tui_trainer.distributed.ends import LostRanks, is_lost_call, leave_end, leave_note
from tui_trainer.distributed.files import rank_log
from tui_trainer.distributed.joining import connect, make_ranks, members, share_spec
from tui_trainer.distributed.meeting import JoinError
from tui_trainer.engine.checkpointing.checkpointer import has_checkpoint
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.device import use_threads
from tui_trainer.engine.trainer import Trainer
from tui_trainer.errors import UserError
from tui_trainer.host.host import GONE_SECONDS
from tui_trainer.runs.run_dir import RunDir

if TYPE_CHECKING:
    from tui_trainer.engine.ranks.ranks import JoinedRanks
    from tui_trainer.host.spec import HostSpec

POLL = 0.5
"""Seconds between two looks of the main thread, in which signals are heard."""


class FollowingRank:
    """One rank.

    Args:
        device: `training.device`, where it is known before the spec is.
    """

    def __init__(self, device: str = "auto") -> None:
        self._device = device
        self._over = threading.Event()
        self._code = 0
        self._ranks: JoinedRanks | None = None
        self._lost: LostRanks | None = None
        self._folder: Path | None = None
        self._trainer: Trainer | None = None

    def run(self) -> int:
        """Train with the others to the end of the run. Returns the exit code of the process."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        thread = threading.Thread(target=self._work, name="trainer", daemon=True)
        thread.start()
        while not self._over.wait(POLL):
            if self._lost is not None and self._lost.found() and not self._over.wait(GONE_SECONDS):
                self._leave_note(self._lost)
                return 1  # the worker still waits for a rank that is gone
        return self._code

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._ranks is None:  # rank 0 may have refused the run, and does not answer
            os._exit(128 + number)
        self._ranks.signals.append(signal.Signals(number).name)

    def _work(self) -> None:
        rank = 0
        try:
            channel = connect(self._device)
            rank = channel.rank
            spec = share_spec(channel, None)
            self._folder = Path(spec.runs[0].path)
            ranks = make_ranks(channel)
            self._lost = LostRanks(self._folder, members(channel), rank)
            self._trainer = self._built(spec, ranks)
            self._ranks = ranks
            self._train(self._trainer, spec, rank)
        except JoinError as error:  # rank 0 may not be there to say it
            self._code = 2
            sys.stderr.write(f"tui-trainer: {error}\n")
        except UserError:
            self._code = 2  # rank 0 finds the same, and says it
        except BaseException as error:  # noqa: BLE001
            self._code = 1
            if not is_lost_call(error):
                traceback.print_exc()
            if self._folder is not None and self._folder.is_dir():
                leave_end(self._folder, rank, self._step, error)
                if self._lost is not None and is_lost_call(error):
                    self._lost.wait()
                    self._leave_note(self._lost)
        finally:
            self._over.set()

    @property
    def _step(self) -> int:
        return self._trainer.state.step if self._trainer is not None else 0

    def _leave_note(self, lost: LostRanks) -> None:
        """Say beside the journal that rank 0 is gone, where it is."""
        reason = lost.found().get(0)
        if reason and self._folder is not None:
            leave_note(self._folder, reason, self._step)

    def _built(self, spec: HostSpec, ranks: JoinedRanks) -> Trainer:
        """Build the trainer as rank 0 does."""
        run = spec.runs[0]
        use_threads(spec.threads)
        config = RunConfig.model_validate(run.config)
        check_trust([config], f"run {run.name!r}", spec.trust)
        commands = CommandQueue(threading.Event())
        trainer = Trainer(run.name, config, lambda event: None, commands, preset=run.preset, ranks=ranks)
        trainer.set_up(restored=run.resume and has_checkpoint(RunDir(Path(run.path)).checkpoints))
        return trainer

    def _train(self, trainer: Trainer, spec: HostSpec, rank: int) -> None:
        run = spec.runs[0]
        folder = RunDir(Path(run.path))
        if run.resume:
            restore_last(trainer.state, trainer.services, folder.checkpoints)
        trainer.begin(folder)
        _print_into(rank_log(folder.path, rank))
        for command in run.commands:
            trainer.commands.put(command)
        for _ in trainer.run():
            pass
        self._code = trainer.state.exit_code


def _print_into(path: Path) -> None:
    """Write what this process prints into its own log from now on."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        faulthandler.enable()
