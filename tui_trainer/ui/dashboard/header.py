"""The header: the selected run, its status and its progress."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.findings import SEVERITY_STYLES, headline_of
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.panels.status import short_name_of, state_text, throughput_text, time_left_text


class Header(Panel):
    """One line with the most important parts at the left; parts that do not fit are dropped from the right."""

    DEFAULT_CSS = """
    Header { height: 1; padding: 0 1; background: $panel; color: $foreground; }
    """

    def draw(self, view_state: ViewState, icons: Icons, keymap: Keymap) -> None:
        """Draw the line for the selected run; hints name the user's own keys."""
        width = self.size.width - 2
        left = Content("")
        for part in _left_parts(view_state, icons, keymap):
            joined = Content.assemble(left, "  ", part) if left else part
            if left and joined.cell_length > width:
                break
            left = joined
        tail = Content("")
        for part in _right_parts(view_state, keymap):
            joined = Content.assemble(part, "  ", tail) if tail else part
            if left.cell_length + joined.cell_length + 3 > width:
                break
            tail = joined
        space = max(width - left.cell_length - tail.cell_length, 0)
        self.show(Content.assemble(left, " " * space, tail) if tail else left)


def _left_parts(view_state: ViewState, icons: Icons, keymap: Keymap) -> list[Content]:
    state, store = view_state.selected_run, view_state.store
    if state is None and not store.connected:
        return [Content.styled(f"{icons.cut_off} disconnected", "bold $error")]
    if state is None:
        return [Content.styled("tui-trainer", "bold"), Content.styled(f"{icons.starting} connecting", "$secondary")]
    parts = [state_text(state, icons), Content.styled(short_name_of(state), "bold")]
    if store.vanished(state) and store.connected:
        parts[0] = Content.styled(f"{icons.cut_off} dead", "bold $error")
    if not store.connected and not state.over:
        parts.insert(0, Content.styled(f"{icons.cut_off} disconnected", "bold $error"))
    if store.loaded < 1:
        parts.insert(1, Content.styled(f"coarse, {store.loaded:.0%} loaded", "bold $warning"))
    if headline := headline_of(state):
        parts.append(
            Content.styled(f"! {headline.finding}{_key('diagnosis', keymap)}", SEVERITY_STYLES[headline.severity])
        )
    if state.unsaved:
        parts.insert(1, Content.styled("! not saved", "bold $error"))
    if state.epochs:
        share = state.step / max(state.total_steps, 1)
        parts.append(Content(f"epoch {state.epoch}/{state.epochs}"))
        parts.append(Content(f"{min(share, 1):.0%}"))
    if len(view_state.states) > 1:
        parts.append(Content.styled(f"run {view_state.selected_index + 1} of {len(view_state.states)}", "$secondary"))
    return parts


def _key(action: str, keymap: Keymap) -> str:
    """Return the user's key of an action in parentheses; empty where no key is bound to it."""
    key = shown_key(BY_ID[action], keymap)
    return f" ({key})" if key else ""


def _right_parts(view_state: ViewState, keymap: Keymap) -> list[Content]:
    """Return the parts at the right end, the most important first."""
    state = view_state.selected_run
    parts: list[Content] = []
    if view_state.read_only or not view_state.store.session.can_steer:
        word = "replay" if view_state.store.session.kind == "finished" else "read only"
        parts.append(Content.styled(word, "bold $warning"))
    if view_state.steer_all:
        parts.append(Content.styled("steering all", "bold $warning"))
    if state is not None and not state.over and not view_state.store.vanished(state):
        parts += [Content(text) for text in (time_left_text(state), throughput_text(state)) if text]
    if state is not None and view_state.view.span is not None:
        parts.append(Content.styled(f"zoomed{_key('zoom', keymap)}", "$secondary"))
    return parts
