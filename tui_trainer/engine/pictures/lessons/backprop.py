"""Back-propagation of one sample by hand, and the gradient by differences of the loss beside it."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tui_trainer.components.pictures import Backprop, GradientCheck
from tui_trainer.data.types import Split
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureContext, PictureResult, PictureSource
from tui_trainer.errors import UserError
from tui_trainer.protocol.pictures import Axis, Bars, Group, Heat, rounded, rounded_or_none

MOST = 60
"""Most weights and biases of a network whose gradient is drawn weight by weight."""
STEPS = (1e-1, 1e-3, 1e-5, 1e-8, 1e-12)
"""Changes of a weight at which the error of the differences is measured."""


@dataclass(frozen=True, slots=True)
class LayerPass:
    """One layer of the pass: its sums z, its outputs a, the slope of its activation, and d, the gradient by z."""

    name: str
    sums: Tensor
    outputs: Tensor
    slopes: Tensor
    pulls: Tensor


class _OneSample:
    """A float64 copy of a small fully connected network, and one training sample."""

    def __init__(self, kind: str, example: int, context: PictureContext) -> None:
        setup = context.setup
        count = sum(parameter.numel() for parameter in setup.parameters)
        if context.config.model.kind != "mlp" or getattr(context.config.model, "norm", "none") != "none":
            raise UserError(f'pictures: "{kind}" needs model.kind = "mlp" without norm')
        if count > MOST:
            raise UserError(f'pictures: "{kind}" draws each weight, and this network has {count}: at most {MOST}')
        train = setup.data.train
        if example >= len(train):
            raise UserError(f"pictures.{kind}.example: {example}: there are {len(train)} training samples")
        inputs, targets = train.inputs[example : example + 1], train.targets[example : example + 1]
        targets = targets.double() if targets.is_floating_point() else targets
        self._setup = setup
        self._sample = Split(inputs.double().cpu(), targets.cpu())
        with model_inspection.quiet(setup.model):
            self.model = copy.deepcopy(setup.model).double().cpu()
        self.model.eval()

    @property
    def names(self) -> list[str]:
        """Names of the weights, `h1 w2` for the second weight of the first hidden layer, in torch's order."""
        found: list[str] = []
        for name, parameter in self.model.named_parameters():
            layer, _, part = name.partition(".")
            short = layer.replace("hidden", "h").replace("output", "o")
            found += [f"{short}{part[0]}{k + 1}" for k in range(parameter.numel())]
        return found

    def loss(self, model: nn.Module) -> Tensor:
        return self._setup.objective(model(self._sample.inputs), self._sample.targets)

    def passes(self) -> tuple[list[LayerPass], list[Tensor]]:
        """Return the layers with their gradients, and the gradient by each weight, both by the chain rule.

        d of a layer is W of the next one, transposed, times its d, times the slope of the activation; the gradient by
        a weight is d times the output of the layer before.
        """
        linear = [(name, module) for name, module in self.model.named_children() if isinstance(module, nn.Linear)]
        children = list(self.model.children())
        outputs = self._sample.inputs.flatten(1)
        before: list[Tensor] = []
        rows: list[tuple[str, Tensor, Tensor, Tensor]] = []
        for index, (name, module) in enumerate(linear):
            before.append(outputs)
            last = index == len(linear) - 1
            with torch.no_grad():
                sums = module(outputs)
            after = [] if last else [children[children.index(module) + 1]]
            with torch.enable_grad():
                leaf = sums.clone().requires_grad_()
                made = after[0](leaf) if after else leaf
                (slopes,) = torch.autograd.grad(made.sum(), leaf)
            outputs = made.detach()
            rows.append((name, sums, outputs, slopes))
        rest = children[children.index(linear[-1][1]) + 1 :]
        with torch.enable_grad():
            leaf = outputs.clone().requires_grad_()
            (pull,) = torch.autograd.grad(self._setup.objective(nn.Sequential(*rest)(leaf), self._sample.targets), leaf)
        layers: list[LayerPass] = []
        gradients: list[Tensor] = []
        for index in reversed(range(len(linear))):
            name, sums, made, slopes = rows[index]
            if index < len(linear) - 1:
                pull = (pull @ linear[index + 1][1].weight.detach()) * slopes
            layers.insert(0, LayerPass(name, sums[0], made[0], slopes[0], pull[0]))
            gradients[:0] = [(pull.T @ before[index]).flatten(), pull[0]]
        return layers, gradients

    def exact(self) -> Tensor:
        """Return the gradient by autograd, flat."""
        with torch.enable_grad():
            parts = torch.autograd.grad(self.loss(self.model), list(self.model.parameters()))
        return torch.cat([part.flatten() for part in parts])

    def numeric(self, step: float) -> Tensor:
        """Return (f(w + h) - f(w - h)) / 2h for each weight, flat."""
        found: list[float] = []
        with torch.no_grad():
            for parameter in self.model.parameters():
                flat = parameter.view(-1)
                for index in range(len(flat)):
                    value = float(flat[index])
                    flat[index] = value + step
                    above = float(self.loss(self.model))
                    flat[index] = value - step
                    below = float(self.loss(self.model))
                    flat[index] = value
                    found.append((above - below) / (2 * step))
        return torch.tensor(found, dtype=torch.float64)


class BackpropPicture(PictureSource[Backprop]):
    """A table with a row for each unit: z, a, the slope of the activation, and d, the gradient of the loss by z.

    `apart` is the largest difference between the gradient by the chain rule and autograd's.
    """

    def __init__(self, choice: Backprop, context: PictureContext) -> None:
        super().__init__(choice, context)
        _OneSample(choice.kind, choice.example, context)

    def take(self) -> PictureResult:
        one = _OneSample(self.choice.kind, self.choice.example, self.context)
        layers, gradients = one.passes()
        rows: list[str] = []
        values: list[tuple[float | None, ...]] = []
        for layer in layers:
            short = layer.name.replace("hidden", "h").replace("output", "out")
            for k in range(len(layer.sums)):
                rows.append(f"{short}.{k + 1}" if len(layer.sums) > 1 else short)
                parts = (layer.sums, layer.outputs, layer.slopes, layer.pulls)
                values.append(rounded_or_none(part[k] for part in parts))
        loss = float(one.loss(one.model).detach())
        drawing = Heat(
            title=f"one sample, loss {loss:.4g}",
            x=Axis(label="unit"),
            columns=("z = Wa+b", "a = f(z)", "slope f'", "d = dL/dz"),
            rows=tuple(rows),
            values=tuple(values),
        )
        numbers: Numbers = {"loss": loss, "apart": float((torch.cat(gradients) - one.exact()).abs().max())}
        return PictureResult(drawing, numbers)


class GradientCheckPicture(PictureSource[GradientCheck]):
    """Two bars for each weight: the gradient by back-propagation, and by a difference of the loss.

    `apart` is the largest difference over the largest gradient at the chosen step, `error/<h>` the same at others.
    """

    def __init__(self, choice: GradientCheck, context: PictureContext) -> None:
        super().__init__(choice, context)
        _OneSample(choice.kind, choice.example, context)

    def take(self) -> PictureResult:
        one = _OneSample(self.choice.kind, self.choice.example, self.context)
        _, parts = one.passes()
        ours, size = torch.cat(parts), float(torch.cat(parts).abs().max()) or 1.0
        numeric = one.numeric(self.choice.step)
        drawing = Bars(
            title=f"gradients, h = {self.choice.step:g}",
            x=Axis(label="weight"),
            labels=tuple(one.names),
            groups=(
                Group(name="back-propagation", values=rounded(ours)),
                Group(name="differences", values=rounded(numeric)),
            ),
        )
        errors = {f"error/{step:g}": float((one.numeric(step) - ours).abs().max()) / size for step in STEPS}
        numbers: Numbers = {"apart": float((numeric - ours).abs().max()) / size, **errors}
        return PictureResult(drawing, numbers)
