"""The monitors of processes that train together: how they find each other, and the beat in which rank 0 decides."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

from tui_trainer.engine.ranks.beat import Beat, Decision, Report
from tui_trainer.monitor.ranks.pulse import Pulses
from tui_trainer.monitor.ranks.store_channel import PARTED, Parted, StoreChannel

HEAR_SECONDS = 120.0
"""Time that rank 0 has to make its monitor, once another rank has made one."""
JOIN_SECONDS = 20.0
"""Time that the other ranks have to make theirs, once rank 0 has taken its first step."""
LOAD_SECONDS = 60.0
"""Time that rank 0 has to read a checkpoint that all load."""
LEAVE_SECONDS = 5.0
"""Time that a rank which leaves its loop waits for the others, for the last numbers."""
ALONE = "make Monitor on every rank, at the same place: {who} made none, so this run is only watched"
_MADE: dict[str, int] = {}
"""Monitors of this process so far, by the name of the run: each has entries of its own in the store."""

Decide = Callable[[list[Report], list[bytes]], tuple[list[dict[str, Any]], bool]]


@dataclass(frozen=True, slots=True)
class Told:
    """The word of rank 0 about the run.

    Attributes:
        path: its folder.
        step: the step of the save that it goes on from, -1 for a new run.
        script: the commands that a replay applies, with their steps.
        guards: the rules that every rank arms when the run begins.
    """

    path: str
    step: int = -1
    script: list[Any] = field(default_factory=list[Any])
    guards: list[str] = field(default_factory=list[str])


class Together:
    """One of the processes whose monitors are one run.

    Args:
        store: a store with a prefix of its own.
        rank, size: this process, and how many there are.
    """

    def __init__(self, store: Any, rank: int, size: int) -> None:
        self._store = store
        self.rank, self.size = rank, size
        self.pulses = Pulses(store, rank, size)
        self.channel = StoreChannel(store, rank, size, self.pulses.missing)
        self.decide: Decide = lambda reports, messages: ([], False)
        self._beat = Beat(self.channel, lambda reports: self.decide(reports, self.channel.received))
        self.met = False
        """Whether all ranks have met, and meet again."""
        self.parted = ""
        """Why they do not meet any more; empty while they may."""
        self._meeting = False
        self._loads = 0
        self.told: Told | None = None
        self.missing: list[str] = []
        """Reasons of other ranks for a resume that is not exact."""
        self.pulses.tell()

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, which has the run."""
        return self.rank == 0

    @property
    def may_meet(self) -> bool:
        """Whether the ranks meet, or have not tried to yet."""
        return not self.parted

    # -- finding each other -----------------------------------------------------------------------------------------

    def tell(self, told: Told, parts: Any) -> None:
        """Tell the others, on rank 0, which run this is.

        Args:
            parts: what the loop handed to its monitor, as JSON: it has to be the same on every rank.
        """
        self.told = told
        self._here({"path": told.path, "step": told.step, "script": told.script, "guards": told.guards, "parts": parts})

    def refuse(self, reason: str) -> None:
        """Tell the others, on rank 0, why there is no run."""
        self._here({"error": reason})

    def hear(self) -> Told | str:
        """Return the word of rank 0, on another rank; why there is no run where there is none."""
        deadline = monotonic() + HEAR_SECONDS
        while not self._has("here/0"):
            if monotonic() > deadline:
                self.part(reason := ALONE.format(who="rank 0"))
                return reason
            sleep(0.01)
        word = json.loads(self._store.get("here/0"))
        if "error" in word:
            return str(word["error"])
        self.told = Told(word["path"], word["step"], word["script"], word["guards"])
        return self.told

    def answer(self, parts: Any, missing: Sequence[str]) -> None:
        """Say, on another rank than 0, that this rank has a monitor.

        Args:
            missing: what was not there to go on exactly, in words.
        """
        self._here({"parts": parts, "missing": list(missing)})

    def _here(self, word: dict[str, Any]) -> None:
        self._store.set(f"here/{self.rank}", json.dumps(word).encode())

    def _has(self, key: str) -> bool:
        try:
            return bool(self._store.check([key]))
        except RuntimeError:
            return False

    def _join(self) -> None:
        """Agree on whether all ranks have a monitor. Raises `Parted` where they have not."""
        if self.rank:
            self.channel.wait({"word": 0})
            reason = self._store.get("word").decode()
        else:
            reason = self._all_here()
            self._store.set("word", reason.encode())
        if reason:
            raise Parted(reason)
        self.met = True

    def _all_here(self) -> str:
        """Return why the ranks cannot be steered together; empty where they can."""
        deadline, others = monotonic() + JOIN_SECONDS, list(range(1, self.size))
        while absent := [rank for rank in others if not self._has(f"here/{rank}")]:
            if monotonic() > deadline:
                return ALONE.format(who=f"rank {absent[0]}")
            sleep(0.01)
        own = json.loads(self._store.get("here/0"))["parts"]
        for rank in others:
            here = json.loads(self._store.get(f"here/{rank}"))
            self.missing += [f"rank {rank}: {each}" for each in here.get("missing", ())]
            if here.get("parts") != own:
                return f"rank {rank} has handed other objects to Monitor than rank 0, so this run is only watched"
        return ""

    # -- meeting ----------------------------------------------------------------------------------------------------

    def steps_done(self, count: int) -> bool:
        """Count steps. Returns whether the next beat is due."""
        due = False
        for _ in range(count):
            due = self._beat.step_done() or due
        return due

    def meet(self, report: Report, message: bytes, patience: float | None = None) -> Decision:
        """Take a beat: every rank calls this at the same step. Raises `Parted`.

        Args:
            message: for rank 0, beside the numbers of the report.
            patience: seconds to wait for the others; None for as long as they may come.
        """
        self._begin(patience)
        self.channel.attached = message
        try:
            decision = self._beat.take(report)
        except RuntimeError as error:
            raise Parted(f"the ranks could not meet: {str(error).partition(chr(10))[0][:200]}") from None
        self._meeting = False
        return decision

    def exchange(self, kind: bytes, value: Any) -> list[Any]:
        """Return the JSON values of all ranks: every rank calls this at the same step. Raises `Parted`.

        Args:
            kind: what the values are, in one byte.
        """
        self._begin(None)
        try:
            values = self.channel.exchange(value, kind)
        except RuntimeError as error:
            raise Parted(f"the ranks could not meet: {str(error).partition(chr(10))[0][:200]}") from None
        self._meeting = False
        return values

    def _begin(self, patience: float | None) -> None:
        if self._meeting:
            raise Parted(f"rank {self.rank} was interrupted while the ranks met")
        self._meeting = True
        self.channel.patience = patience
        if not self.met:
            self._join()

    def part(self, reason: str) -> None:
        """Meet no more, and let the others know why."""
        if self.parted:
            return
        self.met, self.parted = False, reason
        try:
            if not self._store.check([PARTED]):
                self._store.set(PARTED, reason.encode())
        except RuntimeError:
            return

    # -- reading a checkpoint ---------------------------------------------------------------------------------------

    def say_loaded(self, problem: str) -> None:
        """Say, on rank 0, that a checkpoint was read, or why not."""
        self._loads += 1
        if self.met:
            self._store.set(f"load/{self._loads}", problem.encode())

    def wait_for_load(self) -> str:
        """Wait until rank 0 has read a checkpoint, which is complete then. Returns the problem that it had."""
        self._loads += 1
        key = f"load/{self._loads}"
        if not self.met:
            return ""
        self.channel.patience = LOAD_SECONDS
        self.channel.wait({key: 0})
        return self._store.get(key).decode()


def default_store() -> Any | None:
    """Return the store of torch's default group; None where there is no group, or where it cannot be used."""
    distributed: Any = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    try:
        return distributed.distributed_c10d._get_default_store()
    except (AttributeError, RuntimeError, ValueError):
        return None


def find_others(name: str, rank: int, size: int) -> Together | None:
    """Return what this process shares with those that train with it; None where they have no group yet."""
    store = default_store()
    if store is None:
        return None
    import torch.distributed as dist

    number = _MADE[name] = _MADE.get(name, 0) + 1
    prefixed: Any = dist.PrefixStore  # pyright: ignore[reportPrivateImportUsage]
    return Together(prefixed(f"tui_trainer/monitor/{name}/{number}", store), rank, size)


def parts_of(models: dict[str, Any], optimizers: dict[str, Any]) -> Any:
    """Return what has to be the same on every rank, as JSON: the sizes of the models, the groups of the optimizers."""
    sizes = [[name, sum(1 for _ in model.parameters())] for name, model in models.items()]
    return [sizes, [[name, type(each).__name__, len(each.param_groups)] for name, each in optimizers.items()]]
