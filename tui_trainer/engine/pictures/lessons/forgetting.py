"""The weight of a squared gradient in an optimizer's average over its age."""

from __future__ import annotations

import torch

from tui_trainer.components.pictures import Forgetting
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.engine.setup import optimizer_for
from tui_trainer.protocol.pictures import Axis, Bars, Group, rounded

BARS = 25
SQUARES = ("sum", "square_avg", "exp_avg_sq", "max_exp_avg_sq")
"""Names under which torch's optimizers keep the sum or the average of squared gradients."""


class ForgettingPicture(PictureSource[Forgetting]):
    """One weight, one gradient of 1, then gradients of 0: what is left of it in the average after each step.

    A copy of the optimizer measures it, in units of the first step. `kept/<age>` is the share at an age, `half` the
    first age at which half is left or less; missing where that never happens.
    """

    def take(self) -> PictureResult:
        kept = self._kept()
        ages = sorted({round(k * self.choice.steps / (BARS - 1)) for k in range(BARS)})
        drawing = Bars(
            title="weight of a past squared gradient",
            x=Axis(label="age"),
            y=Axis(low=0, high=1),
            labels=tuple(str(age) for age in ages),
            groups=(Group(name="share that is left", values=rounded(kept[age] for age in ages)),),
        )
        half = next((float(age) for age, share in enumerate(kept) if share <= 0.5), None)
        numbers: Numbers = {"half": half, **{f"kept/{age}": kept[age] for age in ages}}
        return PictureResult(drawing, numbers)

    def _kept(self) -> list[float]:
        weight = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
        optimizer = optimizer_for(self.optimizer.description, weight)
        squares: list[float] = []
        for age in range(self.choice.steps + 1):
            weight.weight.grad = torch.full_like(weight.weight, float(age == 0))
            optimizer.step()
            state = optimizer.state[weight.weight]
            squares.append(float(next(state[name] for name in SQUARES if name in state)))
        return [square / squares[0] for square in squares]
