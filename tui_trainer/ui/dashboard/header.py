"""The line on top: which run, in which state, how far."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.findings import SEVERITY_STYLES, headline_of
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.panels.status import name_of, state_text, throughput_text, time_left_text


class Header(Panel):
    """What must always be in sight, the most important at the left; what does not fit is left out from the right."""

    DEFAULT_CSS = """
    Header { height: 1; padding: 0 1; background: $panel; color: $foreground; }
    """

    def say(self, watch: ViewState, signs: Icons, keymap: Keymap) -> None:
        """Show the run in front; what names a key names the reader's."""
        width = self.size.width - 2
        left = Content("")
        for part in _left(watch, signs, keymap):
            joined = Content.assemble(left, "  ", part) if left else part
            if left and joined.cell_length > width:
                break
            left = joined
        tail = Content("")
        for part in _right(watch, keymap):
            joined = Content.assemble(part, "  ", tail) if tail else part
            if left.cell_length + joined.cell_length + 3 > width:
                break
            tail = joined
        space = max(width - left.cell_length - tail.cell_length, 0)
        self.show(Content.assemble(left, " " * space, tail) if tail else left)


def _left(watch: ViewState, signs: Icons, keymap: Keymap) -> list[Content]:
    state, feed = watch.chosen, watch.feed
    if state is None and not feed.connected:
        return [Content.styled(f"{signs.cut_off} disconnected", "bold $error")]
    if state is None:
        return [Content.styled("tui-trainer", "bold"), Content.styled(f"{signs.starting} connecting", "$secondary")]
    parts = [state_text(state, signs), Content.styled(name_of(state), "bold")]
    if feed.vanished(state) and feed.connected:
        parts[0] = Content.styled(f"{signs.cut_off} dead", "bold $error")
    if not feed.connected and not state.over:
        parts.insert(0, Content.styled(f"{signs.cut_off} disconnected", "bold $error"))
    if feed.read < 1:
        parts.insert(1, Content.styled(f"coarse, {feed.read:.0%} read", "bold $warning"))
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
    if len(watch.states) > 1:
        parts.append(Content.styled(f"run {watch.front + 1} of {len(watch.states)}", "$secondary"))
    return parts


def _key(action: str, keymap: Keymap) -> str:
    """The reader's key of an action, in parentheses; nothing where none does it."""
    key = shown_key(BY_ID[action], keymap)
    return f" ({key})" if key else ""


def _right(watch: ViewState, keymap: Keymap) -> list[Content]:
    """What stands at the right end, the most important first."""
    state = watch.chosen
    parts: list[Content] = []
    if watch.read_only or not watch.feed.session.can_steer:
        word = "replay" if watch.feed.session.kind == "finished" else "read only"
        parts.append(Content.styled(word, "bold $warning"))
    if watch.steer_all:
        parts.append(Content.styled("steering all", "bold $warning"))
    if state is not None and not state.over and not watch.feed.vanished(state):
        parts += [Content(text) for text in (time_left_text(state), throughput_text(state)) if text]
    if state is not None and watch.view.span is not None:
        parts.append(Content.styled(f"zoomed{_key('zoom', keymap)}", "$secondary"))
    return parts
