"""Rank 0: the host of a run that several processes train, as far as the others are concerned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from tui_trainer.distributed.ends import LostRanks, describe_loss, forget_ends, is_lost_call
from tui_trainer.distributed.files import rank_log
from tui_trainer.host.output_lines import OutputLines
from tui_trainer.host.spec import HostSpec
from tui_trainer.protocol import events as ev
from tui_trainer.text import terminal_line

if TYPE_CHECKING:
    from tui_trainer.engine.ranks.ranks import JoinedRanks

LOOK_SECONDS = 0.25
"""Seconds between two looks at the other processes."""
LOG_SECONDS = 1.0
"""Seconds between two looks at what they have printed."""
MOST_LINES = 20
"""Lines of one rank that are shown with a look; its log holds all."""


class Leader:
    """Joins the other ranks, passes on what they print, and says which of them are gone.

    Args:
        spec: the run.
    """

    def __init__(self, spec: HostSpec) -> None:
        self._spec = spec
        self._folder = Path(spec.runs[0].path)
        self._ranks: JoinedRanks | None = None
        self._lost: LostRanks | None = None
        self._looked = self._read = 0.0
        self._told = ""
        self._logs: dict[int, tuple[int, OutputLines]] = {}

    def join(self) -> JoinedRanks:
        """Join the other ranks, and give them the spec."""
        from tui_trainer.distributed.joining import connect, make_ranks, members, share_spec

        channel = connect(str(self._spec.runs[0].config.get("training", {}).get("device", "auto")))
        share_spec(channel, self._spec)
        forget_ends(self._folder)
        ranks = make_ranks(channel)
        self._lost = LostRanks(self._folder, members(channel))
        ranks.explain = self._explain
        self._ranks = ranks
        return ranks

    def on_signal(self, name: str) -> bool:
        """Take in a signal that all ranks obey at one step. Returns False before they train."""
        if self._ranks is None or not self._ranks.trains:
            return False
        self._ranks.signals.append(name)
        return True

    def look(self, publish: Callable[[str, ev.AnyEvent], object]) -> str:
        """Publish what the others have printed. Returns which of them are gone and why, empty while all are there."""
        now = monotonic()
        if self._ranks is None or self._lost is None or now - self._looked < LOOK_SECONDS:
            return ""
        self._looked = now
        if now - self._read >= LOG_SECONDS:
            self._read = now
            self._pass_on(publish)
        if self._ranks.ended or not (found := self._lost.found()):
            return ""
        self._pass_on(publish)
        return self._describe(found)

    def _explain(self, error: BaseException) -> str:
        """Say which rank is gone, where an error is that of a call to the others; empty otherwise."""
        if self._lost is None or not is_lost_call(error):
            return ""
        return self._describe(self._lost.wait())

    def _describe(self, lost: dict[int, str]) -> str:
        assert self._ranks is not None
        return describe_loss(lost, self._ranks.steps(), self._folder, self._ranks.last_saved)

    def _pass_on(self, publish: Callable[[str, ev.AnyEvent], object]) -> None:
        """Publish the new lines of every rank's log, each with its rank."""
        for rank in range(1, self._spec.processes):
            offset, lines = self._logs.setdefault(rank, (0, OutputLines()))
            try:
                with open(rank_log(self._folder, rank), "rb") as file:
                    file.seek(offset)
                    data = file.read(1 << 16)
            except OSError:
                continue
            if not data:
                continue
            self._logs[rank] = offset + len(data), lines
            new = [terminal_line(line) for line in lines.add(data)]
            shown = [f"rank {rank}: {line}" for line in new[:MOST_LINES]]
            if len(new) > MOST_LINES:
                shown.append(f"rank {rank}: ({len(new) - MOST_LINES} more lines in ranks/rank-{rank}.log)")
            if shown:
                publish(self._spec.runs[0].name, ev.Logged(lines=shown))
