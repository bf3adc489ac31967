"""The title of the terminal: name, condition, progress and validation loss of the runs on the screen."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.state.run_state import RunState
from tui_trainer.text import number
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.progress import condition, set_name_of, share_done, short_name_of
from tui_trainer.ui.run_store import RunStore


def title_text(states: Sequence[RunState], selected: int, store: RunStore, icons: Icons) -> str:
    """Return the title for the runs of a screen: `digits-cnn 42 % · val 0.12`."""
    state = states[min(selected, len(states) - 1)]
    name = short_name_of(state) if len(states) == 1 else set_name_of(state)
    if store.session.kind == "finished" and store.over:
        return name
    word = condition(state, store, icons)[1]
    parts = [name]
    if len(states) > 1 and store.over:
        parts.append(f"{len(states)} runs over")
    elif len(states) == 1 and word != "running":
        parts.append(word)
    if not store.over and any(each.epochs for each in states):
        parts.append(f"{100 * share_done(states):.0f} %")
    series = state.series.get("val_loss")
    text = " ".join(parts)
    if series is None or series.last is None:
        return text
    return f"{text} {'-' if icons.ascii else '·'} val {number(series.last, 2)}"
