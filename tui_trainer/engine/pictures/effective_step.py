"""The effective learning rate of an adaptive optimizer for each coordinate."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from tui_trainer.components.pictures import EffectiveStep
from tui_trainer.engine.pictures.base import Numbers, PictureContext, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Axis, Line, Lines, rounded

PER_DECADE = 24
"""Approximate number of measured steps in each decade."""
SAMPLE = 100_000
"""Most coordinates whose median is computed; of more, an evenly spaced sample."""


class EffectiveStepPicture(PictureSource[EffectiveStep]):
    """Median, smallest and largest of rate / sqrt(s) over the coordinates that have had a gradient.

    `slope` is that of the median on two log axes over all steps looked at; `first` is the median size of the first
    step in units of the rate, `at/<step>` the median at a step.
    """

    uses_steps = True

    def __init__(self, choice: EffectiveStep, context: PictureContext) -> None:
        super().__init__(choice, context)
        self._rows: list[tuple[float, float, float, float]] = []
        self._first: float | None = None
        self._begun = 0
        """Steps of the run before this optimizer's first."""
        self._optimizer: torch.optim.Optimizer | None = None
        self._start: list[Tensor] = [parameter.detach().clone() for parameter in context.setup.parameters]

    def on_step(self) -> None:
        optimizer = self.optimizer.torch_optimizer
        step = self.state.step - self._begun
        if self._optimizer is not None and self._optimizer is not optimizer:  # a new optimizer starts empty
            self._rows, self._begun, step = [], self.state.step - 1, 1
        self._optimizer = optimizer
        if step == 1 and not self._begun:
            self._first = self._first_step()
        if step not in self.choice.at and not _is_shown(step):
            return
        effective_steps = [effective for effective in map(_effective, *_states(optimizer)) if effective is not None]
        if not effective_steps:
            return
        flat = torch.cat([tensor.flatten() for tensor in effective_steps])
        flat = flat[:: max(-(-len(flat) // SAMPLE), 1)]
        flat = flat[torch.isfinite(flat) & (flat > 0)]
        if len(flat):
            self._rows.append((float(step), float(flat.median()), float(flat.min()), float(flat.max())))

    def take(self) -> PictureResult | None:
        if not self._rows:
            return None
        steps = [step for step, *_ in self._rows]
        names = ("median", "smallest", "largest")
        lines = tuple(
            Line(name=name, x=rounded(steps, 7), y=rounded(row[index + 1] for row in self._rows), dotted=index > 0)
            for index, name in enumerate(names)
        )
        medians = {int(step): median for step, median, *_ in self._rows}
        numbers: Numbers = {
            "slope": _slope([(step, median) for step, median, *_ in self._rows]),
            "first": self._first,
            **{f"at/{step}": medians.get(step) for step in self.choice.at},
        }
        x = Axis(label="step", log=True)
        return PictureResult(Lines(title="effective step", x=x, y=Axis(log=True), lines=lines), numbers)

    def state_dict(self) -> Any:
        return {"rows": self._rows, "first": self._first, "begun": self._begun}

    def load_state_dict(self, state: Any) -> None:
        self._rows = [(row[0], row[1], row[2], row[3]) for row in state["rows"]]
        self._first, self._begun, self._optimizer = state["first"], int(state["begun"]), None

    def _first_step(self) -> float | None:
        """Return the median of |step| / learning rate over the coordinates that moved."""
        moved = [
            (parameter.detach() - was).abs().flatten()
            for parameter, was in zip(self.setup.parameters, self._start, strict=True)
        ]
        flat = torch.cat(moved).double()
        flat = flat[flat > 0]
        return float(flat.median()) / self.state.lr if len(flat) and self.state.lr else None


def _is_shown(step: int) -> bool:
    """Return whether a step is one of those spread evenly over a log axis."""
    if step <= PER_DECADE:
        return True
    index = round(math.log10(step) * PER_DECADE)
    return step == round(10 ** (index / PER_DECADE))


def _states(optimizer: torch.optim.Optimizer) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the group and the state of each parameter."""
    pairs = [
        (group, part.state[parameter])
        for part in getattr(optimizer, "members", (optimizer,))
        for group in part.param_groups
        for parameter in group["params"]
        if parameter in part.state
    ]
    return [group for group, _ in pairs], [state for _, state in pairs]


def _effective(group: dict[str, Any], state: dict[str, Any]) -> Tensor | None:
    """Return the factor of the gradient (for Adam: of its corrected mean) for each coordinate that had a gradient."""
    rate, epsilon = float(group["lr"]), float(group.get("eps", 0.0))
    if "sum" in state:
        rate = rate / (1 + (float(state["step"]) - 1) * group.get("lr_decay", 0.0))
        square = state["sum"]
        if group.get("eps_inside", False):  # what the lecture writes, where torch adds it to the root
            return rate / (square[square > 0] + epsilon).sqrt()
        scale = square.sqrt()
    elif "square_avg" in state:
        square = state["square_avg"]
        scale = (square - state["grad_avg"].square() if "grad_avg" in state else square).clamp_min(0).sqrt()
    elif "exp_avg_sq" in state or "s" in state:
        square = state["s"] if "s" in state else state.get("max_exp_avg_sq", state["exp_avg_sq"])
        weight = 1 - group["betas"][1] ** float(state["step"]) if group.get("bias_correction", True) else 1.0
        scale = (square / weight).sqrt()
    elif "exp_inf" in state:
        rate, scale = rate / (1 - group["betas"][0] ** float(state["step"])), state["exp_inf"]
    else:
        return None
    return rate / (scale[scale > 0] + epsilon)


def _slope(points: list[tuple[float, float]]) -> float | None:
    """Return the slope of the least-squares line through points on two log axes."""
    if len(points) < 2:
        return None
    logs = [(math.log(step), math.log(value)) for step, value in points]
    x, y = (math.fsum(part) / len(logs) for part in zip(*logs, strict=True))
    return math.fsum((a - x) * (b - y) for a, b in logs) / math.fsum((a - x) ** 2 for a, _ in logs)
