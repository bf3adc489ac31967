"""A thousand ranks that only send their numbers: what rank 0 does with them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from time import process_time

import pytest

from tui_trainer.engine.ranks.beat import PERIOD, Report
from tui_trainer.engine.ranks.numbers import RankNumbers
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.restore import open_journal
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import RunDir

RANKS, MINUTES = 1000, 2


@pytest.mark.long
def test_a_thousand_ranks_cost_little_and_the_worst_is_named_within_a_second(tmp_path: Path) -> None:
    beats = int(60 * MINUTES / PERIOD)
    now = 0.0
    numbers = RankNumbers(RANKS, lambda: now)
    bus = EventBus(lambda: None)
    bus.add_run("run")
    bus.attach_journal("run", open_journal(RunDir(tmp_path)))
    named: list[tuple[float, int]] = []
    tracemalloc.start()
    began = process_time()
    for beat in range(beats):
        now += PERIOD
        late = 7 if now < 60 else 812
        rows = [[beat * 60.0, 0, 60, 0.1 + 0.1 * (rank == late), 0.1, 0.01, 1e9] for rank in range(RANKS)]
        row = numbers.add([Report(*each) for each in rows])
        if row:
            named.append((now, int(row["rank/slowest"])))
            values: dict[str, list[float | None]] = {name: [value] for name, value in row.items()}
            bus.publish("run", ev.Scalars(step=beat * 60, steps=[beat * 60], seconds=[round(now, 3)], values=values))
        bus.flush()
    cost = process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    bus.close()

    first = next(at for at, rank in named if rank == 812)
    assert first - 60 <= 1
    assert [rank for at, rank in named if at < 60] == [7] * len([at for at, _ in named if at < 60])
    assert peak < 100 << 20
    assert cost < 0.05 * 60 * MINUTES * 4, (
        f"{cost:.1f} s of CPU for {MINUTES} minutes"
    )  # slowed by the tracing of memory
    assert (tmp_path / "events.jsonl").stat().st_size < 1100 * 60 * MINUTES
