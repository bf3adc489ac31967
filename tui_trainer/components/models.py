"""Models, described by their layers and built for the shape of the data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from tui_trainer.components.activations import GELU, AnyActivation, ReLU
from tui_trainer.components.base import RARE, Arguments, Component, Count, Decay, ImportPath, absolute_path
from tui_trainer.components.initializers import AnyInit, KaimingUniform, Normal, TorchDefault
from tui_trainer.components.optimizers.groups import Pattern
from tui_trainer.data.types import ProblemSpec
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import nn

Head = Literal["identity", "sigmoid", "softmax"]
"""Activation of the output layer."""

_NO_SAMPLES = (
    'model.kind = "{kind}" learns from samples, and a function to minimise has none, only a point to move: choose '
    'model.kind = "point", or a data set such as digits'
)


class Model(Component):
    """A model that maps each sample of a batch to `outputs` numbers."""

    head: Head = "identity"
    """Activation of the output layer; losses on logits need identity."""
    activation: AnyActivation = ReLU()
    """Activation of the hidden units."""
    init: AnyInit = KaimingUniform()
    """Initialisation of the weights."""
    weights: Annotated[str, Field(json_schema_extra=RARE)] = ""
    """safetensors file to begin with: weights by name, or a checkpoint of a run; if empty, the initialisation."""
    weights_skip: Annotated[tuple[Pattern, ...], Field(json_schema_extra=RARE)] = ()
    """Patterns of names that are not loaded and keep their initialisation (`head.*`)."""
    frozen: Annotated[tuple[Pattern, ...], Field(json_schema_extra=RARE)] = ()
    """Patterns of names of parameters that are not trained (`features.*`)."""

    def located(self) -> Self:
        """Return the model with an absolute path of its weights, so that a run can resume from another directory."""
        return self.model_copy(update={"weights": absolute_path(self.weights)}) if self.weights else self

    def build(self, shape: ProblemSpec, outputs: int, generator: torch.Generator) -> nn.Module:
        """Build the module for data of `shape`, with weights drawn only from `generator`.

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
        """Raise `UserError` with an alternative if this model cannot read data of `shape`."""
        if shape.task == "minimise":
            raise UserError(_NO_SAMPLES.format(kind=self.kind))
        if shape.task == "language":
            raise UserError(
                f'model.kind = "{self.kind}" reads numbers, and the samples are sequences of {shape.targets} symbols: '
                'choose model.kind = "transformer"'
            )

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        """Build the module for data that passed `check`, with any weights."""
        raise NotImplementedError

    def describe(self, shape: ProblemSpec, outputs: int) -> str:
        """Describe the model in one line: kind, sizes, activation, and the head if it is not identity."""
        words = [self.kind, self.sizes(shape, outputs)]
        if self.has_hidden_units:
            words.append(self.activation.label())
        if self.head != "identity":
            words.append(self.head)
        return " ".join(words)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        """Return the layer sizes for `describe`."""
        raise NotImplementedError

    @property
    def has_hidden_units(self) -> bool:
        """Whether the model has hidden units."""
        return True


class Linear(Model):
    """One layer from the inputs to the outputs: linear, logistic or softmax regression. Images are flattened.

    It has no hidden units, so `activation` has nothing to act on.
    """

    kind: Literal["linear"] = "linear"
    init: AnyInit = TorchDefault()
    bias: bool = True
    """Add a bias to each output; without it the decision boundary goes through the origin."""

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.nn.networks import mlp

        return mlp(shape.inputs, (), outputs, self.activation.build, self.head, bias=self.bias)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        return f"{math.prod(shape.inputs)}-{outputs}"

    @property
    def has_hidden_units(self) -> bool:
        return False


class MLP(Model):
    """A multilayer perceptron: fully connected layers. Images are flattened."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Count, ...] = (128, 64)
    """Number of units in each hidden layer, from first to last."""
    dropout: Decay = 0.0
    """Dropout probability of the hidden units."""
    norm: Literal["none", "batch", "layer"] = "none"
    """Batch or layer normalisation in each hidden layer, before the activation."""

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.nn.networks import mlp

        return mlp(shape.inputs, self.hidden, outputs, self.activation.build, self.head, self.dropout, self.norm)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        return "-".join(str(size) for size in (math.prod(shape.inputs), *self.hidden, outputs))

    @property
    def has_hidden_units(self) -> bool:
        return bool(self.hidden)


class CNN(Model):
    """A convolutional network for images: blocks of convolution and pooling, then fully connected layers."""

    kind: Literal["cnn"] = "cnn"
    channels: Annotated[tuple[Count, ...], Field(min_length=1)] = (16, 32)
    """Number of output channels of each block, from first to last."""
    kernel: Count = 3
    """Kernel size of the convolutions; odd, so that the image keeps its size."""
    pool: Count = 2
    """Max pooling size; 1 for no pooling."""
    hidden: tuple[Count, ...] = (64,)
    """Number of units in each fully connected layer after the blocks."""
    dropout: Decay = 0.0
    """Dropout probability of the fully connected layers."""
    batch_norm: bool = False
    """Batch normalisation of each channel, before the activation."""

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
                f'model.kind = "cnn" reads images, and a sample is {size} numbers without a 2-D layout: '
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
                f"so {rows} x {columns} pixels are used up after {fit + 1}: give at most {fit}, or model.pool = 1"
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
    """A small causal transformer that predicts the next symbol (arXiv 1706.03762, pre-norm)."""

    kind: Literal["transformer"] = "transformer"
    activation: AnyActivation = GELU()
    init: AnyInit = Normal(std=0.02)
    layers: Count = 2
    """Number of transformer blocks."""
    heads: Count = 4
    """Number of attention heads; must divide the width."""
    width: Count = 64
    """Embedding dimension."""
    dropout: Decay = 0.0
    """Dropout probability."""
    tied: bool = False
    """Tie the weight of the output layer to the embedding."""
    sparse_embedding: bool = False
    """Use sparse gradients for the embedding, with an optimizer that supports them (sparse-adam, sgd)."""

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
                f"model.width = {self.width} is not divisible by model.heads = {self.heads}: give a multiple of the "
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
    """A point whose coordinates are the parameters, for functions to minimise."""

    kind: Literal["point"] = "point"

    def check(self, shape: ProblemSpec) -> None:
        if shape.function is None:
            raise UserError(
                'model.kind = "point" is a point on a known function, and this data set has samples to learn from: '
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
    """Your own module: `function(inputs, outputs, **arguments)` returns it; `inputs` is the shape of one sample.

    It runs code, so the run must be trusted (`--trust`). Its weights stay as the function made them, from torch's
    generator seeded for this run, unless another `init` than `torch-default` is asked for.
    """

    runs_code = True
    kind: Literal["import"] = "import"
    init: AnyInit = TorchDefault()
    path: ImportPath = ""
    """Function, as `module:function`; modules in the working directory are found too."""
    arguments: Annotated[Arguments, Field(default_factory=dict)]
    """Additional keyword arguments of the function."""

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
        """Accept any data: only the function knows which data it can read."""

    def assemble(self, shape: ProblemSpec, outputs: int) -> nn.Module:
        from tui_trainer.data.user_code import module

        return module(self.path, shape, outputs, self.arguments)

    def sizes(self, shape: ProblemSpec, outputs: int) -> str:
        return self.path

    @property
    def has_hidden_units(self) -> bool:
        return False


AnyModel = Annotated[Linear | MLP | CNN | Transformer | Point | ImportedModel, Field(discriminator="kind")]
"""Every model. To add one, write a class above and add its name here."""
