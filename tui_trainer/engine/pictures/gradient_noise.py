"""Noise of mini-batch gradients: measured over many draws, and in theory."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from tui_trainer.components.pictures import GradientNoise
from tui_trainer.engine.batches import seeded
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Axis, Line, Lines, Spots, rounded

_SAMPLES, _WITH, _WITHOUT = 5, 6, 7
"""Random streams of the samples and of the mini-batches."""
CALM = 32
"""Smallest batch size with the configured number of draws; smaller, noisier ones are drawn more often."""
MOST = 60_000_000
"""Most numbers in all the gradients of single samples together."""
AT_ONCE = 64


class GradientNoisePicture(PictureSource[GradientNoise]):
    """Points for what was measured and lines for theory, with and without replacement, on two log axes.

    The gradient of a mini-batch is the mean of the gradients of its samples, so these are computed once and K batches
    of every size are drawn from them. S^2 is the mean of |g_i - G|^2; `with/<B>` and `without/<B>` are measured over
    theory; `slope_with` is that of the line through what was measured with replacement; `bias` is |mean - G| in units
    of its own standard deviation sqrt(S^2 / (B K)), the largest over the sizes.
    """

    def take(self) -> PictureResult:
        each = self._each()
        count, seed = len(each), self.config.training.seed
        sizes = sorted({min(size, count) for size in self.choice.sizes})
        whole = each.mean(0)
        scatter = float((each - whole).square().sum(-1).mean())
        measured: dict[str, list[float]] = {"with": [], "without": []}
        numbers: Numbers = {"samples": float(count), "scatter": scatter}
        worst = 0.0
        each = each - whole
        for size in sizes:
            draws = self.choice.draws * max(CALM // size, 1)
            for name, stream in (("with", _WITH), ("without", _WITHOUT)):
                theory = self._theory(name, scatter, size, count)
                squares, off = _drawn(each, size, draws, name, seeded(seed, stream, size))
                variance = squares / draws
                measured[name].append(variance)
                numbers[f"{name}/{size}"] = variance / theory if theory else None
                if name == "with":
                    numbers[f"bias/{size}"] = off / float(whole.norm())
                    worst = max(worst, off / math.sqrt(scatter / (size * draws)))
        numbers = {"slope_with": _slope(sizes, measured["with"]), "bias": worst, **numbers}
        return PictureResult(self._drawing(sizes, measured, scatter, count), numbers)

    @staticmethod
    def _theory(name: str, scatter: float, size: int, count: int) -> float:
        alone = scatter / size
        return alone if name == "with" else alone * (count - size) / max(count - 1, 1)

    def _drawing(self, sizes: list[int], measured: dict[str, list[float]], scatter: float, count: int) -> Lines:
        lines: list[Line] = []
        spots: list[Spots] = []
        largest = min(sizes[-1], count - 1)
        grid = [sizes[0] * (largest / sizes[0]) ** (k / 40) for k in range(41)]
        for name, values in measured.items():
            theory = [scatter / b * ((count - b) / max(count - 1, 1) if name == "without" else 1) for b in grid]
            positive = [(b, value) for b, value in zip(sizes, values, strict=True) if value > 1e-12 * scatter]
            label = f"{name} replacement"
            lines.append(Line(name=label, x=rounded(grid), y=rounded(theory), dotted=name == "without"))
            spots.append(
                Spots(name=label, x=rounded(b for b, _ in positive), y=rounded(value for _, value in positive))
            )
        return Lines(
            title="gradient noise",
            x=Axis(label="batch", log=True),
            y=Axis(log=True),
            lines=tuple(lines),
            spots=tuple(spots),
        )

    def _each(self) -> Tensor:
        """Return the gradient of each sample, flattened, in float64 on the CPU: `[samples, parameters]`."""
        setup, seed = self.setup, self.config.training.seed
        named = {name: tensor.detach() for name, tensor in setup.model.named_parameters() if tensor.requires_grad}
        train, size = setup.data.train, sum(tensor.numel() for tensor in named.values())
        count = min(self.choice.samples, len(train), max(MOST // max(size, 1), 16))
        rows = torch.randperm(len(train), generator=seeded(seed, _SAMPLES))[:count].to(train.inputs.device)

        def cost(parameters: dict[str, Tensor], sample: Tensor, target: Tensor) -> Tensor:
            outputs = functional_call(setup.model, parameters, sample.unsqueeze(0))
            return setup.objective(outputs, target.unsqueeze(0))

        found: list[Tensor] = []
        with model_inspection.quiet(setup.model):
            for part in rows.split(AT_ONCE):
                gradients = vmap(grad(cost), in_dims=(None, 0, 0))(named, train.inputs[part], train.targets[part])
                flat = [tensor.flatten(1) for tensor in gradients.values()]
                found.append(torch.cat(flat, 1).to("cpu", torch.float64 if count * size < MOST // 2 else None))
        return torch.cat(found)


def _drawn(each: Tensor, size: int, draws: int, name: str, generator: torch.Generator) -> tuple[float, float]:
    """Return the sum of squared distances of mini-batch gradients from the full one, and the distance of their mean.

    `each` holds the distances of the samples' gradients from their mean. A mini-batch's is their weighted sum.
    """
    count, squares, total = len(each), 0.0, torch.zeros_like(each[0])
    for first in range(0, draws, AT_ONCE):
        some = min(AT_ONCE, draws - first)
        if name == "with":
            rows = torch.randint(count, (some, size), generator=generator)
        else:
            rows = torch.rand(some, count, generator=generator).argsort(1)[:, :size]
        if size == 1:
            found = each[rows[:, 0]]
        else:
            weights = torch.zeros(some, count, dtype=each.dtype)
            weights.scatter_add_(1, rows, torch.full(rows.shape, 1 / size, dtype=each.dtype))
            found = weights @ each
        squares += float(found.square().sum())
        total += found.sum(0)
    return squares, float((total / draws).norm())


def _slope(sizes: list[int], values: list[float]) -> float | None:
    """Return the slope of the least-squares line through points on two log axes."""
    points = [(math.log(b), math.log(value)) for b, value in zip(sizes, values, strict=True) if value > 0]
    if len(points) < 2:
        return None
    x, y = (math.fsum(part) / len(points) for part in zip(*points, strict=True))
    return math.fsum((a - x) * (b - y) for a, b in points) / math.fsum((a - x) ** 2 for a, _ in points)
