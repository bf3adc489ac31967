"""One intervention: what was done, by whom, when, and what the curves did before and after."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.state.series import Series

REACH = 0.03
"""Share of the run, either side, over which noisy curves are averaged."""
FEWEST = 10
"""Steps either side, at least."""


def reach(state: RunState) -> int:
    """Steps either side of an intervention that are compared."""
    return max(round(state.total_steps * REACH), FEWEST)


def before_after(series: Series, step: int, steps: int) -> tuple[float | None, float | None]:
    """The mean within `steps` before a step and after it; the nearest value before where none lies within."""
    before, after = series.columns((step - steps, step + 0.5, step + steps))
    earlier = series.at(step) if before is None else None
    return (
        before.mean if before is not None else earlier[1] if earlier is not None else None,
        after.mean if after is not None else None,
    )


def card(state: RunState, mark: Mark, width: int) -> Content:
    """The card, one line for the deed and one for each curve that is known on both sides."""
    epoch = mark.step / state.steps_per_epoch
    steps = reach(state)
    who = f" · {mark.by}" if mark.by and mark.by not in mark.text else ""
    lines = [
        Content.assemble((f"{mark.letter} ", "bold $warning"), (mark.text, "bold")),
        Content.styled(f"step {mark.step:,}, epoch {epoch:.1f}{who}", "$muted"),
    ]
    pairs: list[Content] = []
    for name in ("train_loss", "val_loss", "lr", "grad_norm"):
        series = state.series.get(name)
        if series is None:
            continue
        before, after = _at_once(series, mark.step) if name == "lr" else before_after(series, mark.step, steps)
        if before is None and after is None:
            continue
        pairs.append(
            Content.assemble((f"{name} ", "$muted"), number(before), (" → ", "$muted"), (number(after), "bold"))
        )
    row = Content("")
    for pair in pairs:
        if row and row.cell_length + 3 + pair.cell_length > width:
            lines.append(row)
            row = Content("")
        row = Content.assemble(row, "   ", pair) if row else pair
    lines += [row] if row else []
    lines.append(Content.styled(f"means over {steps} steps before and after · [ ] the others · esc closes", "$muted"))
    return Content("\n").join(
        [line if line.cell_length <= width else line.truncate(width, ellipsis=True) for line in lines]
    )


def _at_once(series: Series, step: int) -> tuple[float | None, float | None]:
    """The value of the last step before, and of the first one after."""
    before = series.at(step)
    after = series.columns((step + 0.5, step + FEWEST + 0.5))[0]
    return (before[1] if before is not None else None), (after.low if after is not None else None)
