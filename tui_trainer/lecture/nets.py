"""What a network of a run says and how it would be moved, at weights of the run's own."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.components.task import Split
from tui_trainer.engine.build import optimizer_for
from tui_trainer.engine.evaluate import evaluate
from tui_trainer.lecture.trained import Trained, Weights


def outputs(trained: Trained, weights: Weights | None = None, split: Split | None = None) -> Tensor:
    """What the network puts out for a split, the training one where none is given.

    Args:
        weights: those of an epoch; where none are given, those that training left.
    """
    split = split if split is not None else trained.shop.data.train
    state = weights if weights is not None else dict(trained.shop.model.state_dict())
    with torch.no_grad():
        found: Tensor = torch.func.functional_call(trained.shop.model, state, (split.inputs,))
    return found


def gradients(
    trained: Trained, weights: Weights | None = None, inputs: Tensor | None = None, targets: Tensor | None = None
) -> dict[str, Tensor]:
    """The gradient of the mean loss by parameter, of the whole training split where no samples are given."""
    train = trained.shop.data.train
    state = dict(trained.shop.model.state_dict()) if weights is None else weights
    leaves = {name: value.detach().clone().requires_grad_() for name, value in state.items()}
    said = torch.func.functional_call(trained.shop.model, leaves, (train.inputs if inputs is None else inputs,))
    loss = trained.shop.objective(said, train.targets if targets is None else targets)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def per_sample_gradients(trained: Trained) -> Tensor:
    """The gradient `[n, parameters]` of each training sample's own loss, in float64, at the weights training left."""
    train, model = trained.shop.data.train, trained.shop.model
    state = {name: value.double() for name, value in model.state_dict().items()}

    def cost(weights: Weights, sample: Tensor, target: Tensor) -> Tensor:
        said: Tensor = torch.func.functional_call(model, weights, (sample.unsqueeze(0),))
        return trained.shop.objective(said, target.unsqueeze(0))

    each = torch.func.vmap(torch.func.grad(cost), in_dims=(None, 0, 0))
    found: Weights = each(state, train.inputs.double(), train.targets)
    return torch.cat([gradient.flatten(1) for gradient in found.values()], 1)


def saved_bytes(trained: Trained, size: int) -> int:
    """What a forward pass over `size` samples keeps for the way back, the weights left out."""
    train, model = trained.shop.data.train, trained.shop.model
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        trained.shop.objective(model(train.inputs[:size].clone()), train.targets[:size].clone())
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values() if tensor.dim() > 0)


def optimizer_state(trained: Trained) -> float:
    """Numbers that the run's kind of optimizer keeps for each weight after a step; counters of steps do not count."""
    optimizer = optimizer_for(trained.config.optimizer, trained.shop.model)
    for parameter, gradient in zip(trained.shop.model.parameters(), gradients(trained).values(), strict=True):
        parameter.grad = gradient
    before = {name: value.clone() for name, value in trained.shop.model.state_dict().items()}
    optimizer.step()
    trained.shop.model.load_state_dict(before)
    held = sum(
        value.numel()
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, Tensor) and value.dim() > 0
    )
    return held / sum(parameter.numel() for parameter in trained.shop.model.parameters())


def layer_gradients(trained: Trained, weights: Weights | None = None) -> list[float]:
    """The norm of the gradient of each layer's weight matrix over the training split, first layer first."""
    return [
        gradient.double().norm().item()
        for name, gradient in gradients(trained, weights).items()
        if name.endswith(".weight")
    ]


def movement(trained: Trained) -> dict[str, float]:
    """The largest change of any weight of each layer over the whole run, biases left out."""
    final = trained.shop.model.state_dict()
    return {
        name: (final[name] - first).abs().max().item()
        for name, first in trained.weights[0].items()
        if name.endswith(".weight")
    }


def logit_gap(logits: Tensor, classes: Tensor) -> float:
    """The median over samples of the right class's logit less the mean of the others."""
    right = logits.gather(1, classes.unsqueeze(1)).squeeze(1)
    others = (logits.sum(1) - right) / (logits.shape[1] - 1)
    return (right - others).median().item()


def rank(matrix: Tensor) -> int:
    """How many singular values are larger than a millionth of the largest: the rank, as float32 can tell it."""
    values = torch.linalg.svdvals(matrix.double())
    return int((values > 1e-6 * values[0]).sum())


def accuracy(trained: Trained) -> float:
    """The validation accuracy of the network as training left it, also where its weights are no numbers any more."""
    shop = trained.shop
    found = evaluate(shop.model, shop.objective, shop.data, shop.data.validation)
    assert found is not None, "nobody hurries it"
    return found["accuracy"]


def error_on_test(trained: Trained) -> float:
    """The share of the test split that the network, as training left it, gets wrong."""
    shop = trained.shop
    assert shop.data.test is not None, "the preset has a test split"
    found = evaluate(shop.model, shop.objective, shop.data, shop.data.test)
    assert found is not None, "nobody hurries it"
    return 1 - found["accuracy"]
