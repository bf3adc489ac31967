"""Names, conditions and progress of runs and sets as text: for the header, the lists and the messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time

from tui_trainer.protocol.describe import duration
from tui_trainer.runs.label import short_name
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.run_store import RunStore

DEAD = "not running"
CUT_OFF = "disconnected"
FAILURES = ("not-finite", "failed", "refused")
"""Ends of a run that did not do what it was to do."""


def short_name_of(state: RunState) -> str:
    """Return the short name of a run, `set/variant` for one of a set; its preset where it has no name."""
    if state.given_name or state.given_set:
        return f"{set_name_of(state)}/{shown_variant(state)}" if "/" in state.run else shown_variant(state)
    return visible(short_name(state.run or (state.started.preset if state.started else "") or "run"))


def variant_of(state: RunState) -> str:
    """Return the part of a run's name that differs between the runs of a set."""
    return visible(short_name(state.run.rpartition("/")[2])) or "run"


def shown_variant(state: RunState) -> str:
    """Return the name that a user gave a run, else what differs between the names of the runs of its set."""
    return visible(state.given_name) or variant_of(state)


def set_name_of(state: RunState) -> str:
    """Return the short name of the set of a run."""
    return visible(state.given_set or short_name(state.run.partition("/")[0]))


def condition(state: RunState, store: RunStore, icons: Icons) -> tuple[str, str, str]:
    """Return the sign, the word and the style of a run's condition, as far as this screen can know it."""
    if store.vanished(state):
        return icons.cut_off, DEAD, "bold $error"
    if not store.connected and not state.over:
        return icons.cut_off, CUT_OFF, "bold $error"
    word = state.reason if state.over and state.reason not in ("", "completed") else state.status
    return icons.state(state.status), visible(word), STATE_STYLES.get(state.status, "$secondary")


def heard_text(state: RunState, store: RunStore, now: float | None = None) -> str:
    """Return the time since the last message about a run, in steps coarse enough to be read."""
    at = store.heard.get(state.run)
    if at is None:
        return ""
    seconds = max((time() if now is None else now) - at, 0.0)
    if seconds < 5:
        return "last heard just now"
    if seconds < 60:
        return f"last heard {seconds // 5 * 5:.0f} s ago"
    if seconds < 3600:
        return f"last heard {seconds // 60:.0f} min ago"
    hours = seconds // 3600
    return f"last heard {hours:.0f} h ago" if hours < 48 else f"last heard {hours // 24:.0f} days ago"


def resume_epoch(state: RunState) -> int:
    """Return the epoch from which a resumed run continues."""
    return state.checkpoints.get("last", max(state.checkpoints.values(), default=0))


def failed_midway(state: RunState) -> bool:
    """Return whether a run ended by an error or with one of its processes, so that it goes on where it was saved."""
    return state.over and state.reason == "failed"


def resume_point(state: RunState) -> str:
    """Return in words from where a resumed run continues, and how many of its steps are lost."""
    epoch, saved = resume_epoch(state), state.saved_step
    if saved is None:
        return f"from epoch {epoch}" if state.checkpoints else "from the beginning: no checkpoint is on disk"
    lost = max(state.step - saved, 0)
    return f"from epoch {epoch}, step {saved:,}: {f'{lost:,}' if lost else 'no'} step{'' if lost == 1 else 's'} lost"


def share_done(states: Sequence[RunState]) -> float:
    """Return the trained share of all runs together, from 0 to 1.

    In a set a run that has ended counts as trained; a single one shows where it was stopped.
    """
    if len(states) == 1 and states[0].total_steps and states[0].started is not None:
        return min(states[0].step / states[0].total_steps, 1.0)
    totals = [max(state.total_steps, 1) if state.started is not None else 0 for state in states]
    known = [total for total in totals if total]
    usual = sum(known) / len(known) if known else 1.0
    done = sum(
        (total or usual) if state.over else min(state.step, total) for state, total in zip(states, totals, strict=True)
    )
    return min(done / max(sum(total or usual for total in totals), 1.0), 1.0)


def seconds_left(states: Sequence[RunState]) -> tuple[float, bool] | None:
    """Return the seconds until the last run has ended, and whether they are only estimated; None if unknown.

    The runs of one group train in turns in one process, so their times add up; different groups train at the same time.
    A run without a pace of its own is taken to be as fast as the others.
    """
    groups: dict[str, list[RunState]] = {}
    for state in states:
        if not state.over:
            groups.setdefault(state.run.partition("/")[0], []).append(state)
    paces = [1 / speed for state in states if (speed := state.steps_per_second()) > 0]
    usual = sum(paces) / len(paces) if paces else None
    totals = [state.total_steps for state in states if state.started is not None]
    longest, rough = 0.0, False
    for group in groups.values():
        seconds = 0.0
        for state in group:
            remaining = state.seconds_left()
            if remaining is None:
                rough = True
                remaining = state.seconds_left(roughly=True)
            if remaining is None:
                if usual is None or not totals or (state.started is not None and not state.total_steps):
                    return None  # a loop without a known end has no time left
                steps = state.total_steps if state.started is not None else sum(totals) / len(totals)
                remaining = max(steps - state.step, 0) * usual
            seconds += remaining
        longest = max(longest, seconds)
    return (longest, rough) if groups else None


def seconds_spent(states: Sequence[RunState]) -> float:
    """Return the seconds of training of all runs; groups that train at the same time count once."""
    groups: dict[str, float] = {}
    for state in states:
        group = state.run.partition("/")[0]
        groups[group] = groups.get(group, 0.0) + state.seconds
    return max(groups.values(), default=0.0)


def set_time_left_text(states: Sequence[RunState]) -> str:
    """Return the time until all of the runs have ended, empty if it is unknown or none of them trains."""
    if not any(state.status in ("running", "stopping") for state in states):
        return ""
    left = seconds_left(states)
    if left is None:
        return ""
    return f"{'about ' if left[1] else ''}{duration(left[0])} left"


def count_text(states: Sequence[RunState], conditions: Mapping[str, str]) -> str:
    """Return how many runs there are, and how many of them have ended, failed or died."""
    failed = sum(state.over and state.reason in FAILURES for state in states)
    over = sum(state.over for state in states) - failed
    dead = sum(word == DEAD for word in conditions.values())
    parts = [f"of {len(states)} runs"]
    parts += [f"{over} done"] if over else []
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{dead} {DEAD}"] if dead else []
    return ", ".join(parts)


def training_now(states: Sequence[RunState], store: RunStore) -> list[RunState]:
    """Return the runs that still train, as far as this screen can know it."""
    return [state for state in states if not state.over and not store.vanished(state)]
