"""Models: what is trained, described by its layers and built for the data at hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from tui_trainer.components.activations import GELU, AnyActivation, ReLU
from tui_trainer.components.base import Arguments, Component, Count, Decay, ImportPath
from tui_trainer.components.initializers import AnyInit, KaimingUniform, Normal, TorchDefault
from tui_trainer.data.types import ProblemSpec
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

Head = Literal["identity", "sigmoid", "softmax"]
"""What the output layer does to its sums."""

_NO_SAMPLES = (
    'model.kind = "{kind}" learns from samples, and a function to minimise has none, only a point to move: choose '
    'model.kind = "point", or a data set such as digits'
)


class Model(Component):
    """A map from a batch of samples to `outputs` numbers for each."""

    head: Head = "identity"
    """What the output layer does to its sums; losses on logits want identity."""
    activation: AnyActivation = ReLU()
    """What the hidden units do with their sums."""
    init: AnyInit = KaimingUniform()
    """The distribution of the first weights."""

    def build(self, shape: ProblemSpec, outputs: int, generator: torch.Generator) -> nn.Module:
        """The module for data of `shape`, its weights drawn from `generator` alone; no other generator is touched.

        Raises:
            UserError: this model cannot read such data.
        """
        import torch

        self.check(shape)
        with torch.random.fork_rng(devices=[]):
            module = self.assemble(shape, outputs)
        self.init.apply(module, generator)
        return module

    def check(self, shape: ProblemSpec) -> None:
        """Raise `UserError`, in words that say what to do instead, where this model cannot read data of `shape`."""
        if shape.task == "minimise":
            raise UserError(_NO_SAMPLES.format(kind=self.kind))
        if shape.task == "language":
            raise UserError(
                f'model.kind = "{self.kind}" reads numbers, and the samples are sequences of {shape.targets} symbols: '
                'choose model.kind = "transformer"'
            )

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        """The module for data that passed `check`, with whatever weights."""
        raise NotImplementedError

    def describe(self, shape: ProblemSpec, outputs: int) -> str:
        """The model in one line: kind, sizes, activation, and the head where it does something."""
        words = [self.kind, self.sizes(shape, outputs)]
        if self.has_hidden_units:
            words.append(self.activation.label())
        if self.head != "identity":
            words.append(self.head)
        return " ".join(words)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        """The layers' sizes, for `describe`."""
        raise NotImplementedError

    @property
    def has_hidden_units(self) -> bool:
        """Whether there is anything for the activation to act on."""
        return True


class Linear(Model):
    """One layer from the inputs to the outputs: linear, logistic or softmax regression. Images are flattened.

    It has no hidden units, so `activation` has nothing to act on.
    """

    kind: Literal["linear"] = "linear"
    init: AnyInit = TorchDefault()
    bias: bool = True
    """Whether a constant is added to each output; without it a boundary goes through the origin."""

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.nn.networks import mlp

        return mlp(shape.inputs, (), outputs, self.activation.build, self.head, bias=self.bias)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        return f"{math.prod(shape.inputs)}-{outputs}"

    @property
    def has_hidden_units(self) -> bool:
        return False


class MLP(Model):
    """Layers of units, each connected to all of the layer before. Images are flattened."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Count, ...] = (128, 64)
    """Units in each hidden layer, first to last."""
    dropout: Decay = 0.0
    """Share of the hidden units that are switched off at random at each training step."""
    norm: Literal["none", "batch", "layer"] = "none"
    """Normalise the sums of each hidden layer over the batch or over the layer, before the activation."""

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.nn.networks import mlp

        return mlp(shape.inputs, self.hidden, outputs, self.activation.build, self.head, self.dropout, self.norm)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        return "-".join(str(size) for size in (math.prod(shape.inputs), *self.hidden, outputs))

    @property
    def has_hidden_units(self) -> bool:
        return bool(self.hidden)


class CNN(Model):
    """Blocks of convolution, activation and pooling, then layers of units. For images."""

    kind: Literal["cnn"] = "cnn"
    channels: Annotated[tuple[Count, ...], Field(min_length=1)] = (16, 32)
    """Channels that each block puts out, first to last."""
    kernel: Count = 3
    """Side of the square that a convolution sees; odd, so that the image keeps its size."""
    pool: Count = 2
    """Side of the square of which each block keeps the largest value; 1 for no pooling."""
    hidden: tuple[Count, ...] = (64,)
    """Units in each layer after the blocks."""
    dropout: Decay = 0.0
    """Share of the units after the blocks that are switched off at random at each training step."""
    batch_norm: bool = False
    """Normalise each channel over the batch, before the activation."""

    @model_validator(mode="after")
    def _odd_kernel(self) -> CNN:
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that an image keeps its size: 3 and 5 are usual")
        return self

    def check(self, shape: ProblemSpec) -> None:
        super().check(shape)
        if len(shape.inputs) != 3:
            size = " x ".join(str(side) for side in shape.inputs)
            raise UserError(
                f'model.kind = "cnn" reads images, and a sample is {size} numbers without neighbours: '
                'choose model.kind = "mlp", or data of images such as digits'
            )
        sides = [shape.inputs[1:]]
        for _ in self.channels:
            sides.append((sides[-1][0] // self.pool, sides[-1][1] // self.pool))
        if 0 in sides[-1]:
            fit = sum(0 not in side for side in sides) - 1
            rows, columns = shape.inputs[1:]
            raise UserError(
                f"model.channels has {len(self.channels)} blocks, each divides the sides of the image by {self.pool}, "
                f"and {rows} x {columns} pixels are gone after {fit + 1}: give at most {fit}, or model.pool = 1"
            )

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.nn.networks import cnn

        return cnn(
            shape.inputs, self.channels, self.kernel, self.pool, self.hidden, outputs, self.activation.build, self.head,
            self.dropout, self.batch_norm,
        )  # fmt: skip

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        image = "x".join(str(side) for side in shape.inputs)
        blocks = " ".join(f"conv{self.kernel}x{channels}" for channels in self.channels)
        return " ".join([image, blocks, "-".join(str(size) for size in (*self.hidden, outputs))])


class Transformer(Model):
    """A small causal transformer: each symbol is guessed from those before it (arXiv 1706.03762, norms first)."""

    kind: Literal["transformer"] = "transformer"
    activation: AnyActivation = GELU()
    init: AnyInit = Normal(std=0.02)
    layers: Count = 2
    """Blocks of attention and an MLP, one after the other."""
    heads: Count = 4
    """Heads of attention; they share the width."""
    width: Count = 64
    """Numbers that stand for one symbol."""
    dropout: Decay = 0.0
    """Share of the numbers that are switched off at random at each training step."""
    tied: bool = False
    """Use the embedding of the symbols as the weight of the output layer too."""
    sparse_embedding: bool = False
    """Make the gradient of the embedding sparse, for the optimizers that can use it (sparse-adam, sgd)."""

    @model_validator(mode="after")
    def _sparse_alone(self) -> Transformer:
        if self.tied and self.sparse_embedding:
            raise ValueError(
                "tied and sparse_embedding exclude each other: the output layer's gradient is dense, and a "
                "tied weight has both"
            )
        return self

    def check(self, shape: ProblemSpec) -> None:
        if shape.task == "minimise":
            raise UserError(_NO_SAMPLES.format(kind=self.kind))
        if shape.task != "language":
            raise UserError(
                f'model.kind = "transformer" reads sequences of symbols, and this is {shape.task}: choose '
                'data.kind = "text", or model.kind = "mlp"'
            )
        if self.width % self.heads:
            near = self.heads * max(round(self.width / self.heads), 1)
            raise UserError(
                f"model.width = {self.width} cannot be shared by model.heads = {self.heads}: give a multiple of the "
                f"latter, such as {near}"
            )

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.nn.transformer import CausalTransformer

        return CausalTransformer(
            shape.targets, shape.inputs[0], outputs, self.layers, self.heads, self.width, self.activation.build,
            self.head, self.dropout, self.tied, self.sparse_embedding,
        )  # fmt: skip

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        text = f"{shape.inputs[0]} of {shape.targets} symbols"
        return f"{self.layers} layers of {self.heads} heads, width {self.width}, {text}"


class Point(Model):
    """No model at all: a point in space, whose coordinates are what is trained. For functions to minimise."""

    kind: Literal["point"] = "point"

    def check(self, shape: ProblemSpec) -> None:
        if shape.function is None:
            raise UserError(
                'model.kind = "point" is a place on a known function, and this data set has samples to learn from: '
                'choose data.kind = "quadratic", or a model that reads them, such as model.kind = "mlp"'
            )

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.data import functions

        assert shape.function is not None
        return functions.PointModule(shape.function)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        return f"in {shape.inputs[0]} dimension{'s' if shape.inputs[0] > 1 else ''}"

    @property
    def has_hidden_units(self) -> bool:
        return False


class ImportedModel(Model):
    """A module of your own: `function(inputs, outputs, **arguments)` returns it, `inputs` the shape of one sample.

    It runs code, so the run must be trusted (`--trust`). Its weights stay as the function made them, from torch's
    generator seeded for this run, unless another `init` than `torch-default` is asked for.
    """

    kind: Literal["import"] = "import"
    init: AnyInit = TorchDefault()
    path: ImportPath = ""
    """The function, as `module:function`; modules of the working directory are found too."""
    arguments: Annotated[Arguments, Field(default_factory=dict)]
    """What else the function is called with, by name."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def build(self, shape: ProblemSpec, outputs: int, generator: torch.Generator) -> nn.Module:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator.initial_seed())
            module = self.assemble(shape, outputs)
        if not isinstance(self.init, TorchDefault):
            self.init.apply(module, generator)
        return module

    def check(self, shape: ProblemSpec) -> None:
        """Only the function itself knows what it can read."""

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.data.user_code import module

        return module(self.path, shape, outputs, self.arguments)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        return self.path

    @property
    def has_hidden_units(self) -> bool:
        return False


AnyModel = Annotated[Linear | MLP | CNN | Transformer | Point | ImportedModel, Field(discriminator="kind")]
"""Every model. A new one is a class above and its name here."""
