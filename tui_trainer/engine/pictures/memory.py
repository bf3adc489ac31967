"""Memory of a batch and of the optimizer state."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from tui_trainer.components.pictures import Memory
from tui_trainer.data.types import Split
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.engine.setup import optimizer_for
from tui_trainer.protocol.pictures import Axis, Line, Lines, Spots, rounded


class MemoryPicture(PictureSource[Memory]):
    """Bytes that autograd saves in one forward pass, without the parameters, by batch size, and the line through them.

    `residual` is the largest distance from that line, relative to the largest measurement.
    `optimizer_floats_per_parameter` counts the optimizer state after its first step, without step counters.
    """

    def take(self) -> PictureResult:
        train = self.setup.data.train
        sizes = sorted({min(size, len(train)) for size in self.choice.sizes})
        saved_bytes = [float(self._saved(Split(train.inputs[:size], train.targets[:size]))) for size in sizes]
        mean_size, mean = sum(sizes) / len(sizes), sum(saved_bytes) / len(saved_bytes)
        spread = sum((size - mean_size) ** 2 for size in sizes)
        pairs = zip(sizes, saved_bytes, strict=True)
        slope = sum((s - mean_size) * (b - mean) for s, b in pairs) / spread if spread else 0.0
        line = [mean + slope * (size - mean_size) for size in sizes]
        drawing = Lines(
            title="saved bytes",
            x=Axis(label="batch", low=0),
            y=Axis(low=0),
            lines=(Line(name="straight line", x=rounded(sizes), y=rounded(line, 6)),),
            spots=(Spots(name="measured", x=rounded(sizes), y=rounded(saved_bytes, 6)),),
        )
        off = max(abs(a - b) for a, b in zip(saved_bytes, line, strict=True)) / max(*saved_bytes, 1.0)
        numbers: Numbers = {
            "bytes_per_sample": slope,
            "optimizer_floats_per_parameter": self._state(),
            "residual": off,
        }
        return PictureResult(drawing, numbers)

    def _saved(self, batch: Split) -> int:
        """Return the bytes of the distinct tensors that autograd saves in one forward pass."""
        setup = self.setup
        own = {parameter.untyped_storage().data_ptr() for parameter in setup.model.parameters()}
        held: dict[int, Tensor] = {}

        def note(tensor: Tensor) -> Tensor:
            where = tensor.untyped_storage().data_ptr()
            if where not in own and (where not in held or tensor.numel() > held[where].numel()):
                held[where] = tensor
            return tensor

        def given(tensor: Tensor) -> Tensor:
            return tensor

        with torch.enable_grad(), model_inspection.quiet(setup.model):
            # The graph has to stay alive while it is counted: a freed storage may give its address to another one.
            with torch.autograd.graph.saved_tensors_hooks(note, given):
                loss = setup.objective(setup.model(batch.inputs), batch.targets)
            count = sum(tensor.numel() * tensor.element_size() for tensor in held.values())
            del loss
        return count

    def _state(self) -> float:
        """Return the numbers in the optimizer state per parameter, after one step of a copy."""
        setup = self.setup
        model = copy.deepcopy(setup.model)
        optimizer = optimizer_for(self.optimizer.description, model)
        train = setup.data.train
        inputs, targets = train.inputs[: setup.batches.size], train.targets[: setup.batches.size]

        def closure() -> float:
            optimizer.zero_grad()
            loss = setup.objective(model(inputs), targets)
            loss.backward()
            return float(loss.detach())

        with torch.enable_grad():
            optimizer.step(closure)
        parts = getattr(optimizer, "members", (optimizer,))
        state_numbers = sum(_numbers(state) for part in parts for state in part.state.values())
        return state_numbers / max(sum(parameter.numel() for parameter in setup.parameters), 1)


def _numbers(held: object) -> int:
    """Return how many numbers a state has, without scalars."""
    if isinstance(held, Tensor):
        return held.numel() if held.dim() else 0
    if isinstance(held, dict):
        return sum(_numbers(value) for value in held.values())
    if isinstance(held, (list, tuple)):
        return sum(_numbers(value) for value in held)
    return 0
