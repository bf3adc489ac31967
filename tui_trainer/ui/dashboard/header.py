"""The header: condition, name, progress and time left of everything on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from tui_trainer.protocol.describe import duration, size
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cut, visible
from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.dashboard.ranks_text import ranks_text
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.findings import badge
from tui_trainer.ui.panels.panel import Panel, fitted
from tui_trainer.ui.panels.progress import (
    condition,
    count_text,
    heard_text,
    seconds_spent,
    set_name_of,
    set_time_left_text,
    share_done,
    short_name_of,
    shown_variant,
)
from tui_trainer.ui.panels.status import throughput_text
from tui_trainer.ui.run_store import RESUMING

MIN_BAR, MAX_BAR = 6, 40
"""Cells of the bar in narrow and wide terminals; an eighth of the width in between."""
RANKS_WIDTH = 32
"""Cells of the words about the processes that train together."""
WIDE = 90
"""Columns from which on the key that takes the wheel stands beside its holder, and the median beside the worst rank."""
ALWAYS = 0
"""Rank of the parts that are never left out."""


@dataclass(frozen=True, slots=True)
class HeaderPart:
    """A part of the line.

    Attributes:
        rank: importance: where the line is too narrow, the part with the largest rank is left out first.
        content: the text.
        width: cells that it takes at least, so that the parts after it keep their places.
    """

    rank: int
    content: Content
    width: int = 0

    @property
    def padded(self) -> Content:
        """The text with blanks up to its width."""
        return self.content.pad_right(max(self.width - self.content.cell_length, 0))


class Header(Panel):
    """One line whose parts never change their order; where it is too narrow, the least important ones are left out."""

    DEFAULT_CSS = """
    Header { height: 1; padding: 0 1; background: $panel; color: $foreground; }
    """

    def draw(self, view_state: ViewState, icons: Icons, keymap: Keymap) -> None:
        """Draw the line for the selected run, or for its set; hints name the user's own keys."""
        self.show(header_line(view_state, icons, keymap, self.size.width - 2))


def header_line(view_state: ViewState, icons: Icons, keymap: Keymap, width: int) -> Content:
    """Return the line in at most `width` cells."""
    parts = _parts(view_state, icons, keymap, width)
    while len(parts) > 1 and _length(parts) > width:
        last = max(parts, key=lambda part: part.rank)
        if last.rank == ALWAYS:
            break
        parts.remove(last)
    line = parts[0].content
    for index, part in enumerate(parts[1:], 1):
        last = index == len(parts) - 1
        line = Content.assemble(line, _gap(index), part.content if last else part.padded)
    return fitted(line, width, icons)


def _gap(index: int) -> str:
    """Return the blanks before a part: one after the sign, two between other parts."""
    return " " if index == 1 else "  "


def _length(parts: Sequence[HeaderPart]) -> int:
    return sum(max(part.width, part.content.cell_length) for part in parts[:-1]) + (
        2 * (len(parts) - 1) - 1 + parts[-1].content.cell_length
    )


def _parts(view_state: ViewState, icons: Icons, keymap: Keymap, width: int) -> list[HeaderPart]:
    """Return all parts in their order."""
    state, store = view_state.selected_run, view_state.store
    if state is None and not store.connected:
        return [HeaderPart(ALWAYS, Content.styled(f"{icons.cut_off} disconnected", "bold $error"))]
    if state is None:
        return [
            HeaderPart(ALWAYS, Content.styled(f"{icons.starting} connecting", "$secondary")),
            HeaderPart(ALWAYS, Content.styled("tui-trainer", "bold")),
        ]
    sign, word, style = condition(state, store, icons)
    parts = [HeaderPart(ALWAYS, Content.styled(sign, style))]
    # The sign says that a run trains; every other condition is said in a word too.
    parts.append(HeaderPart(9 if word == "running" else 1, Content.styled(word, style)))
    parts += _name(view_state, state, icons, width)
    if state.epochs:
        room = len(str(state.epochs))
        noun = "epoch " if width >= 60 else ""
        parts.append(HeaderPart(4, Content(f"{noun}{state.epoch}/{state.epochs}"), len(noun) + 2 * room + 1))
    if any(run.epochs for run in view_state.states):
        parts += _progress(view_state, state, icons, width)
    parts.append(HeaderPart(2, _time(view_state, state), 10 if width >= 60 else 0))
    parts += _technical(view_state, state, width) if not view_state.projector else []
    if wheel := _wheel(view_state, state, icons, keymap, width):
        parts.append(HeaderPart(3, wheel))
    if mode := _mode(view_state, keymap):
        parts.append(HeaderPart(6, mode))
    if warning := _badge(view_state, state, icons, keymap):
        parts.append(HeaderPart(3, warning))
    return [part for part in parts if part.content]


def _name(view_state: ViewState, state: RunState, icons: Icons, width: int) -> list[HeaderPart]:
    """Return the name of the run; for a set, the name of the set and the run in front."""
    states = view_state.states
    room = max(width // 3, 8)
    if len(states) < 2:
        name = cut(short_name_of(state), room, icons.ellipsis)
        return [HeaderPart(ALWAYS, Content.styled(name, "bold"))]
    group, variant = set_name_of(state), shown_variant(state)
    front = f"{cut(variant, room, icons.ellipsis)} {view_state.selected_index + 1}/{len(states)}"
    parts = [HeaderPart(7, Content.styled(cut(group, room, icons.ellipsis), "bold"))] if "/" in state.run else []
    return [*parts, HeaderPart(ALWAYS, Content.styled(front, "bold"))]


def _progress(view_state: ViewState, state: RunState, icons: Icons, width: int) -> list[HeaderPart]:
    """Return the bar and the percentage of everything on the screen."""
    states, store = view_state.states, view_state.store
    share = share_done(states)
    full, rest = icons.bar(share, min(max(width // 8, MIN_BAR), MAX_BAR))
    style = STATE_STYLES.get(state.status, "$primary") if store.connected and not store.vanished(state) else "$muted"
    percent = f"{100 * share:.0f} %".rjust(5)
    parts = [HeaderPart(3, Content.assemble((full, style), (rest, "$border"))), HeaderPart(5, Content(percent))]
    if len(states) > 1:
        words = {run.run: condition(run, store, icons)[1] for run in states}
        parts.append(HeaderPart(7, Content.styled(count_text(states, words), "$muted")))
    return parts


def _time(view_state: ViewState, state: RunState) -> Content:
    """Return the time left of everything on the screen; of a run that is over, the time that it took."""
    store, states = view_state.store, view_state.states
    if (store.vanished(state) or not store.connected) and not state.over:
        return Content.styled(heard_text(state, store), "$error")
    left = set_time_left_text([run for run in states if not store.vanished(run)])
    if left:
        return Content(left)
    spent = seconds_spent(states)
    return Content(f"in {duration(spent)}" if store.over and spent else "")


def _technical(view_state: ViewState, state: RunState, width: int) -> list[HeaderPart]:
    """Return speed, device and memory."""
    parts: list[HeaderPart] = []
    if not state.over and not view_state.store.vanished(state) and view_state.store.connected:
        parts.append(HeaderPart(8, Content(throughput_text(state)), 12))
        if ranks := ranks_text(state, short=width < WIDE):
            parts.append(HeaderPart(5, Content(ranks), RANKS_WIDTH if width >= WIDE else 0))
    started = state.started
    if started is not None and started.device:
        memory = f" {size(state.memory)}" if state.memory else ""
        device = f", {size(state.device_memory)} on the device" if state.device_memory else ""
        parts.append(HeaderPart(9, Content.styled(f"{visible(started.device)}{memory}{device}", "$muted")))
    return parts


def _mode(view_state: ViewState, keymap: Keymap) -> Content | None:
    """Return what keys do here other than usual; None where they do the usual."""
    if view_state.steer_all:
        return Content.styled("steering all", "bold $warning")
    if view_state.store.session.kind == "finished":
        return Content.styled("replay", "bold $warning")
    if view_state.read_only or not view_state.store.session.can_steer:
        return Content.styled("read only", "bold $warning")
    if view_state.view.span is not None:
        return Content.styled(f"zoomed{_key('zoom', keymap)}", "$secondary")
    return None


def _wheel(view_state: ViewState, state: RunState, icons: Icons, keymap: Keymap, width: int) -> Content | None:
    """Return who has the wheel; None while it is free, or nothing trains."""
    store = view_state.store
    if not store.connected or store.session.kind == "finished":
        return None
    if store.has_wheel(state):
        return Content.styled("your wheel", "bold $success")
    holder = store.held_by(state)
    if not holder:
        return None
    holder = cut(holder, max(width // 5, 8), icons.ellipsis)
    return Content.styled(f"wheel: {holder}{_key('wheel', keymap) if width >= WIDE else ''}", "bold $warning")


def _badge(view_state: ViewState, state: RunState, icons: Icons, keymap: Keymap) -> Content | None:
    """Return the most important warning, None without one."""
    if state.unsaved:
        return Content.styled("! not saved", "bold $error")
    if view_state.store.loaded < 1:
        return Content.styled(f"coarse, {view_state.store.loaded:.0%} loaded", "bold $warning")
    lost = view_state.store.vanished(state) or not view_state.store.connected
    if state.over or lost or state.status == RESUMING:
        return None
    finding = badge(state, view_state.muted_findings, icons)
    return Content.assemble(finding, (_key("diagnosis", keymap), "$muted")) if finding else None


def _key(action: str, keymap: Keymap) -> str:
    """Return the user's key of an action in parentheses; empty where no key is bound to it."""
    key = shown_key(BY_ID[action], keymap)
    return f" ({key})" if key else ""
