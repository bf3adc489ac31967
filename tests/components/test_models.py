"""Models: shapes, names, counts, what they refuse, and what they may see."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from tui_trainer.components.models import CNN, MLP, AnyModel, Linear, Transformer
from tui_trainer.data.types import ProblemSpec
from tui_trainer.errors import UserError

TABLE = ProblemSpec("classification", (30,), 2)
IMAGE = ProblemSpec("classification", (1, 8, 8), 10)
WIDE_IMAGE = ProblemSpec("classification", (3, 9, 17), 5)
NUMBERS = ProblemSpec("regression", (10,), 1)
TEXT = ProblemSpec("language", (6,), 11)


def build(model: AnyModel, shape: ProblemSpec, outputs: int | None = None) -> nn.Module:
    return model.build(shape, shape.targets if outputs is None else outputs, torch.Generator().manual_seed(0))


def batch(shape: ProblemSpec, count: int = 4) -> torch.Tensor:
    if shape.task == "language":
        return torch.randint(shape.targets, (count, *shape.inputs), generator=torch.Generator().manual_seed(1))
    return torch.randn(count, *shape.inputs, generator=torch.Generator().manual_seed(1))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (Linear(), TABLE, "linear 30-2"),
        (Linear(head="softmax"), IMAGE, "linear 64-10 softmax"),
        (MLP(), IMAGE, "mlp 64-128-64-10 relu"),
        (MLP(hidden=()), TABLE, "mlp 30-2"),
        (MLP(hidden=(16,), activation="tanh", head="sigmoid"), NUMBERS, "mlp 10-16-1 tanh sigmoid"),
        (MLP(hidden=(8, 8), norm="batch", dropout=0.5), TABLE, "mlp 30-8-8-2 relu"),
        (MLP(hidden=(8,), norm="layer", activation={"kind": "leaky-relu", "negative_slope": 0.2}), WIDE_IMAGE,
         "mlp 459-8-5 leaky-relu negative_slope=0.2"),
        (CNN(), IMAGE, "cnn 1x8x8 conv3x16 conv3x32 64-10 relu"),
        (CNN(channels=(4,), kernel=5, pool=3, hidden=(), batch_norm=True, dropout=0.1), WIDE_IMAGE,
         "cnn 3x9x17 conv5x4 5 relu"),
        (Transformer(width=8, heads=2), TEXT, "transformer 2 layers of 2 heads, width 8, 6 of 11 symbols gelu"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_builds_and_describes(model: AnyModel, shape: ProblemSpec, words: str) -> None:
    module = build(model, shape)
    outputs = module(batch(shape))
    assert outputs.shape == ((4, 6, 11) if shape is TEXT else (4, shape.targets))
    assert outputs.dtype == torch.float32
    assert model.describe(shape, shape.targets) == words


def test_numbers_of_parameters() -> None:
    assert parameters(build(Linear(), TABLE)) == 30 * 2 + 2
    assert parameters(build(MLP(), IMAGE)) == (64 * 128 + 128) + (128 * 64 + 64) + (64 * 10 + 10)
    assert parameters(build(CNN(), IMAGE)) == (9 * 16 + 16) + (9 * 16 * 32 + 32) + (2 * 2 * 32 * 64 + 64) + 650
    assert parameters(build(MLP(hidden=(8,), norm="batch"), TABLE)) == 30 * 8 + 8 + 16 + 8 * 2 + 2
    tied, free = build(Transformer(tied=True), TEXT), build(Transformer(), TEXT)
    assert parameters(free) - parameters(tied) == 64 * 11 + 11


def test_layers_carry_names_for_charts() -> None:
    layers = [name for name, module in build(MLP(), IMAGE).named_modules() if list(module.parameters(recurse=False))]
    assert layers == ["hidden1", "hidden2", "output"]
    layers = [name for name, module in build(CNN(), IMAGE).named_modules() if list(module.parameters(recurse=False))]
    assert layers == ["conv1", "conv2", "hidden1", "output"]
    names = [name for name, _ in build(Transformer(layers=1), TEXT).named_parameters()]
    assert names[:2] == ["embedding.weight", "position.weight"]
    assert "block1.attention.qkv.weight" in names


@pytest.mark.parametrize("model", [Linear(), MLP(), CNN(), Transformer()])
def test_heads(model: AnyModel) -> None:
    shape = TEXT if model.kind == "transformer" else IMAGE
    inputs = batch(shape)
    sums = build(model, shape)(inputs)
    torch.testing.assert_close(build(model.model_copy(update={"head": "sigmoid"}), shape)(inputs), sums.sigmoid())
    softmax = build(model.model_copy(update={"head": "softmax"}), shape)(inputs)
    torch.testing.assert_close(softmax, sums.softmax(-1))
    torch.testing.assert_close(softmax.sum(-1), torch.ones(softmax.shape[:-1]))


def test_softmax_does_not_mind_large_or_shifted_logits() -> None:
    head = build(Linear(head="softmax"), IMAGE).get_submodule("head")
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    torch.testing.assert_close(head(logits + 100), head(logits), atol=1e-6, rtol=0)
    assert head(torch.tensor([[1e4, 0.0]])).isfinite().all()


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (CNN(), TABLE, ["model.kind", '"cnn"', '"mlp"']),
        (CNN(channels=(4, 4, 4, 4)), IMAGE, ["model.channels", "8 x 8 pixels", "at most 3", "model.pool = 1"]),
        (CNN(pool=9), IMAGE, ["model.channels", "model.pool"]),
        (CNN(), TEXT, ["model.kind", '"transformer"']),
        (Linear(), TEXT, ["model.kind", '"transformer"']),
        (MLP(), TEXT, ["model.kind", "11 symbols", '"transformer"']),
        (Transformer(), TABLE, ["model.kind", 'data.kind = "text"']),
        (Transformer(), NUMBERS, ["model.kind", "regression"]),
        (Transformer(width=66, heads=4), TEXT, ["model.width = 66", "model.heads = 4", "64"]),
        (Transformer(width=1, heads=4), TEXT, ["model.width = 1", "such as 4"]),
    ],
)
def test_refuses_data_that_it_cannot_read(model: AnyModel, shape: ProblemSpec, words: list[str]) -> None:
    for attempt in (lambda: model.check(shape), lambda: build(model, shape)):
        with pytest.raises(UserError) as refusal:
            attempt()
        for word in words:
            assert word in str(refusal.value)


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "cnn", "kernel": 4},
        {"kind": "cnn", "channels": []},
        {"kind": "mlp", "hidden": [0]},
        {"kind": "mlp", "dropout": 1.0},
        {"kind": "mlp", "norm": "group"},
        {"kind": "transformer", "tied": True, "sparse_embedding": True},
        {"kind": "linear", "hidden": [3]},
    ],
)
def test_refuses_fields_that_make_no_sense(table: dict[str, Any]) -> None:
    cls = {"cnn": CNN, "mlp": MLP, "transformer": Transformer, "linear": Linear}[table["kind"]]
    with pytest.raises(ValidationError):
        cls.model_validate(table)


@pytest.mark.parametrize("model", [MLP(dropout=0.5), CNN(dropout=0.5), Transformer(dropout=0.5)])
def test_dropout_acts_in_training_alone(model: AnyModel) -> None:
    shape = TEXT if model.kind == "transformer" else IMAGE
    module, inputs = build(model, shape), batch(shape)
    assert not torch.equal(module(inputs), module(inputs))
    module.eval()
    assert torch.equal(module(inputs), module(inputs))


@pytest.mark.parametrize("tied", [False, True])
def test_no_position_sees_the_future(tied: bool) -> None:
    module = build(Transformer(width=16, tied=tied), TEXT).eval()
    inputs = batch(TEXT, 1)
    for place in range(6):
        changed = inputs.clone()
        changed[0, place] = (changed[0, place] + 1) % 11
        differs = (module(changed) - module(inputs)).abs().amax((0, 2)) > 1e-7
        assert not differs[:place].any()
        assert differs[place:].all()


def test_a_transformer_reads_shorter_sequences() -> None:
    module = build(Transformer(width=16), TEXT).eval()
    inputs = batch(TEXT)
    torch.testing.assert_close(module(inputs[:, :3]), module(inputs)[:, :3])


def test_a_sparse_embedding_says_so() -> None:
    module = build(Transformer(sparse_embedding=True), TEXT)
    module(batch(TEXT)).sum().backward()
    marked = [name for name, parameter in module.named_parameters() if getattr(parameter, "sparse_gradient", False)]
    sparse = [
        name for name, parameter in module.named_parameters() if parameter.grad is not None and parameter.grad.is_sparse
    ]
    assert marked == sparse == ["embedding.weight"]


@pytest.mark.parametrize("model", [MLP(), CNN(batch_norm=True), Transformer(tied=True)])
def test_a_copy_and_a_saved_state_compute_the_same(model: AnyModel) -> None:
    shape = TEXT if model.kind == "transformer" else IMAGE
    module, inputs = build(model, shape).eval(), batch(shape)
    other = model.build(shape, shape.targets, torch.Generator().manual_seed(9)).eval()
    other.load_state_dict(module.state_dict())
    expected = module(inputs)
    assert torch.equal(other(inputs), expected)
    assert torch.equal(copy.deepcopy(module)(inputs), expected)
    storages = [tensor.data_ptr() for tensor in module.state_dict().values()]
    assert len(set(storages)) == len(storages), "a file of tensors would refuse two names for one"


@pytest.mark.parametrize("model", [MLP(norm="batch"), CNN(batch_norm=True, channels=(4, 4, 4, 4), pool=1)])
@pytest.mark.parametrize("shape", [IMAGE, ProblemSpec("classification", (1, 1, 1), 2)], ids=["8x8", "1x1"])
def test_a_batch_of_one_sample_trains_behind_a_batch_norm(model: AnyModel, shape: ProblemSpec) -> None:
    """The last batch of an epoch may be that small."""
    module = build(model, shape)
    module(batch(shape)).sum().backward()
    module(batch(shape, 1)).sum().backward()
    assert all(tensor.isfinite().all() for tensor in module.state_dict().values())


def test_batch_norms_are_those_of_torch() -> None:
    module = build(MLP(hidden=(6,), norm="batch"), TABLE)
    other = nn.BatchNorm1d(6)
    sums = torch.randn(9, 6)
    assert torch.equal(module.get_submodule("hidden1_norm")(sums), other(sums))


def test_a_bias_before_a_norm_is_left_out() -> None:
    assert build(CNN(batch_norm=True), IMAGE).get_submodule("conv1").bias is None
