"""Actions of the end card: train more epochs or resume, and compare with the last runs of the preset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from textual.content import Content

from tui_trainer.errors import UserError
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cut, padded, visible
from tui_trainer.ui.cards.recent_runs import RecentRuns
from tui_trainer.ui.cards.result import deciding_metric, shown_value
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.panels.progress import failed_midway, resume_point

MORE = 10
"""Epochs that the form proposes."""
MOST_MORE = 1_000_000
"""Most epochs that it takes."""
PAGE = 90
"""Cells of a line of the comparison."""


class EndActions:
    """Handlers of the keys of the end card.

    Args:
        context: the dashboard.
        recent: the last finished runs of the preset.
        resume: resumes runs whose host died, which the same key does.
    """

    def __init__(self, context: DashboardContext, recent: RecentRuns, resume: Callable[[], None]) -> None:
        self._context = context
        self._recent = recent
        self._resume = resume

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"resume_run": self.more_epochs, "compare": self.compare}

    def more_epochs(self) -> None:
        """Ask for a number of epochs, and train the finished run for as many more; resume one that failed."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        state = self._context.selected_run
        if not state.over:
            self._resume()
            return
        if failed_midway(state):
            self._train(state)
            return
        explanation = f"{state.epoch} epochs are trained. How many more, from the last checkpoint?"
        dialog = Prompt("More epochs", explanation, f"+{MORE}", parse_more)
        self._context.ask(dialog, lambda more: self._train(state, more))

    def _train(self, state: RunState, more: int = 0) -> None:
        """Go on from the last checkpoint, with so many epochs more than are trained; 0 leaves their number as it is."""
        from tui_trainer.runs.catalog import read_run_info
        from tui_trainer.session.launch import launch
        from tui_trainer.session.resume import resume_spec

        view_state = self._context.view_state
        folder = Path(state.started.path) if state.started is not None else Path()
        epochs = state.epoch + more if more else None
        try:
            info = read_run_info(folder, folder.parent.parent if "/" in state.run else None)
            # A run that stopped early would stop again at once.
            patience = state.bad_epochs + more if state.reason == "early-stopped" else None
            command = ["tui-trainer", "resume", str(folder), *(("--epochs", str(epochs)) if more else ())]
            session = launch(resume_spec([info], epochs=epochs, patience=patience, command=command)).session()
        except UserError as error:
            self._context.flash(str(error), error=True, seconds=20)
            return
        except OSError as error:
            self._context.flash(f"{folder}: {error.strerror}", error=True, seconds=20)
            return
        view_state.read_only = False
        view_state.store.switch_session(session)
        point = resume_point(state)
        self._context.flash(f"training {more} more epochs, to {epochs}" if more else f"resuming {point}")

    def compare(self) -> None:
        """Compare the runs of the screen, or a single one with the last finished runs of its preset."""
        from tui_trainer.ui.screens.text_page import TextPage

        state = self._context.selected_run
        if len(self._context.view_state.states) > 1:
            self._context.view_state.toggle_page("comparison")
            self._context.relayout()
            return
        if not self._recent.runs or state.started is None:
            self._context.flash("no earlier finished run of this preset in this runs directory")
            return
        self._context.ask(TextPage("Compare", self._comparison(state, state.started.path)), lambda _: None)

    def _comparison(self, state: RunState, path: str) -> Content:
        from tui_trainer.runs.comparing.flat_config import flat_config
        from tui_trainer.runs.comparing.settings import settings_that_differ
        from tui_trainer.runs.label import label, short_name

        runs = self._recent.runs
        names = ["this run", *(short_name(run.info.shown) for run in runs)]
        times = ["", *(label(run.info.shown, run.info.started).rpartition(" · ")[2] for run in runs)]
        metric = deciding_metric(state)
        measured: list[dict[str, float]] = [
            dict(state.metrics),
            *({name: values[-1] for name, values in run.metrics.items() if values} for run in runs),
        ]
        known = [name for name in (metric, "val_loss", "train_accuracy") if any(name in one for one in measured)]
        lines = [Content.styled(_row("", names), "bold"), Content.styled(_row("", times), "$muted")]
        for name in dict.fromkeys(known):
            cells = [shown_value(name, one[name]) if name in one else "-" for one in measured]
            lines.append(Content(_row(name.replace("_", " "), cells)))
        configs = [flat_config(Path(path)), *(flat_config(Path(run.info.path)) for run in runs)]
        settings = settings_that_differ(configs)
        lines += [Content(""), Content.styled("settings that differ" if settings else "no setting differs", "bold")]
        lines += [Content(_row(key, values)) for key, values in settings.items()]
        return Content("\n").join(lines)


def _row(name: str, cells: Sequence[str]) -> str:
    width = PAGE // (len(cells) + 1)
    return "".join(padded(cut(visible(text), width - 1), width) for text in (name, *cells))


def parse_more(text: str) -> int:
    """Parse a number of epochs to add: `10` or `+10`.

    Raises:
        ValueError: it is none.
    """
    digits = text.strip().removeprefix("+").strip()
    if not digits.isdecimal() or not 1 <= int(digits[:9]) <= MOST_MORE:
        raise ValueError("enter the number of epochs to add, for example +10")
    return int(digits[:9])
