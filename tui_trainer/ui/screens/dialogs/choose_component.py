"""A dialog that chooses a component: the kinds of its family, its fields, and a preview of the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.components.base import Component
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.ui.forms.form import Form
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.render.preview_widget import Draw, Preview, considered
from tui_trainer.ui.screens.dialogs.reviewed import Reviewed
from tui_trainer.ui.steering.review import Review

Chosen = TypeVar("Chosen", bound=Component)


class ChooseComponent(Reviewed[Chosen], Generic[Chosen]):
    """A list of kinds next to the form of the selected one; answers with the component."""

    DEFAULT_CSS = """
    ChooseComponent > #frame { width: 104; height: 100%; max-height: 40; }
    ChooseComponent #sides { height: 16; }
    ChooseComponent OptionList { width: 24; height: 1fr; }
    ChooseComponent #side { width: 1fr; padding-left: 1; }
    ChooseComponent #summary { height: auto; max-height: 2; color: $foreground; margin-bottom: 1; }
    ChooseComponent.-short #summary { margin-bottom: 0; max-height: 1; }
    ChooseComponent Preview { height: 1fr; }
    ChooseComponent.-low #sides { height: 10; }
    ChooseComponent.-low #summary { margin-bottom: 0; max-height: 1; }
    ChooseComponent.-small #sides { height: 1fr; }
    ChooseComponent.-small Preview { display: none; }
    ChooseComponent.-small OptionList { width: 18; }
    """

    HINTS = "↑↓ kind · tab fields · enter accept · esc cancel"

    def __init__(
        self,
        title: str,
        kinds: Mapping[str, type[Chosen]],
        current: Chosen | None,
        plan: Callable[[Chosen], LrPlan | None] | None = None,
        draw: Draw | None = None,
        review: Callable[[Chosen], Review] | None = None,
        start: Callable[[type[Chosen]], Chosen | None] = lambda kind: None,
        proposed: str = "",
    ) -> None:
        """Create the dialog.

        Args:
            title: title of the dialog.
            kinds: the classes to choose from, by kind.
            current: the component in force.
            plan: learning rate plan that a component leads to, for the preview.
            draw: draws the preview; None for no preview.
            review: reviews a component before it acts.
            start: returns the initial values of a kind other than the present one; None for its defaults.
            proposed: the kind that is selected first, in place of the present one.
        """
        super().__init__(title, review)
        self._start = start
        self._kinds = kinds
        present = current.kind if current is not None and current.kind in kinds else next(iter(kinds))
        self._kind = proposed if proposed in kinds else present
        self._values: dict[str, Chosen] = {current.kind: current} if current is not None else {}
        """The last valid component of each kind."""
        self._plan = plan
        self._draw = draw

    def inside(self) -> list[Widget]:
        """Return the kinds at the left, the fields at the right, and the preview below."""
        options = Picker(*(Option(Content(f" {kind}"), id=kind) for kind in self._kinds), markup=False, compact=True)
        kind = self._kinds[self._kind]
        form = Form(kind, self._values.get(self._kind) or self._start(kind))
        sides = Horizontal(options, Vertical(Static(id="summary", markup=False), form, id="side"), id="sides")
        preview = [Preview(self._draw)] if self._draw is not None and self._plan is not None else []
        return [sides, *self.review_widgets(), *preview]

    def on_mount(self) -> None:
        """Select the present kind."""
        super().on_mount()
        options = self.query_one(OptionList)
        options.highlighted = list(self._kinds).index(self._kind)
        options.focus()
        self._describe()

    def on_resize(self) -> None:
        """Shrink or hide the preview in a low terminal."""
        super().on_resize()
        self.set_class(self.size.height < 32, "-low")
        self.set_class(self.size.height < 19 or self.size.width < 50, "-small")

    def _describe(self) -> None:
        text = (self._kinds[self._kind].__doc__ or "").strip().split("\n\n")[0]
        self.query_one("#summary", Static).update(Content(" ".join(text.replace("`", "").split())))

    @on(OptionList.OptionHighlighted)
    async def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        kind = event.option.id
        if kind is not None and kind != self._kind:
            self._kind = kind
            self._describe()
            await self.query_one(Form).show(self._kinds[kind], self._values.get(kind) or self._start(self._kinds[kind]))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.accept()

    @on(Form.Submitted)
    def _submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.accept()

    @on(Form.Changed)
    def _changed(self, event: Form.Changed) -> None:
        event.stop()
        self.refresh_preview()

    def chosen(self) -> Chosen | None:
        """Return the component that the form describes; None where the form has errors."""
        filled = self.query_one(Form).filled
        return filled.model if isinstance(filled.model, self._kinds[self._kind]) else None

    def refresh_preview(self) -> None:
        """Show the error of the form as a whole, and draw the preview."""
        filled = self.query_one(Form).filled
        self.show_error(filled.errors.get("", ""))
        chosen = self.chosen()
        if chosen is not None:
            self._values[self._kind] = chosen
        self.reviewed(chosen)
        for preview in self.query(Preview):
            preview.show(considered(self._plan, chosen))

    def accept(self) -> None:
        """Answer with the component, where the form has no errors."""
        chosen = self.chosen()
        if chosen is not None:
            self.submit(chosen)
        else:
            self.query_one(Form).focus_first()
