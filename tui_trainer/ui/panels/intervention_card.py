"""The card of one intervention: the change, its author and step, and the curves before and after it."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.state.series import Series
from tui_trainer.ui.charts.readout import series_label

WINDOW_SHARE = 0.03
"""Share of the run on either side over which noisy curves are averaged."""
MIN_WINDOW = 10
"""Fewest steps on either side."""


def comparison_window(state: RunState) -> int:
    """Return the number of steps compared on either side of an intervention."""
    return max(round(state.total_steps * WINDOW_SHARE), MIN_WINDOW)


def before_after(series: Series, step: int, steps: int) -> tuple[float | None, float | None]:
    """Return the means within `steps` before and after a step; before it the nearest value if none lies within."""
    before, after = series.columns((step - steps, step + 0.5, step + steps))
    earlier = series.at(step) if before is None else None
    return (
        before.mean if before is not None else earlier[1] if earlier is not None else None,
        after.mean if after is not None else None,
    )


def card(state: RunState, mark: Mark, width: int) -> Content:
    """Return the card: the change, its step and author, and each curve with a value on either side."""
    epoch = state.epoch_at(mark.step)
    steps = comparison_window(state)
    who = f" · {mark.by}" if mark.by and mark.by not in mark.text else ""
    lines = [
        Content.assemble((f"{mark.letter} ", "bold $warning"), (mark.text, "bold")),
        Content.styled(f"step {mark.step:,}, epoch {epoch:.1f}{who}", "$muted"),
    ]
    if mark.because:
        lines.append(Content.assemble(("because ", "$muted"), mark.because))
    pairs: list[Content] = []
    for name in ("train_loss", "val_loss", "lr", "grad_norm"):
        series = state.series.get(name)
        if series is None:
            continue
        before, after = _neighbours(series, mark.step) if name == "lr" else before_after(series, mark.step, steps)
        if before is None and after is None:
            continue
        pairs.append(
            Content.assemble(
                (f"{series_label(name)} ", "$muted"), number(before), (" → ", "$muted"), (number(after), "bold")
            )
        )
    row = Content("")
    for pair in pairs:
        if row and row.cell_length + 3 + pair.cell_length > width:
            lines.append(row)
            row = Content("")
        row = Content.assemble(row, "   ", pair) if row else pair
    lines += [row] if row else []
    lines.append(Content.styled(f"means over {steps} steps before and after · [ ] other marks · esc closes", "$muted"))
    return Content("\n").join(
        [line if line.cell_length <= width else line.truncate(width, ellipsis=True) for line in lines]
    )


def _neighbours(series: Series, step: int) -> tuple[float | None, float | None]:
    """Return the value of the last step before an intervention and of the first step after it."""
    before = series.at(step)
    after = series.columns((step + 0.5, step + MIN_WINDOW + 0.5))[0]
    return (before[1] if before is not None else None), (after.low if after is not None else None)
