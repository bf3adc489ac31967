"""The loss and the metrics of a run as code."""

from __future__ import annotations

from tui_trainer.components import losses
from tui_trainer.components.losses import AnyLoss
from tui_trainer.data.types import ProblemSpec

LOSSES = (
    losses.CrossEntropy,
    losses.NLL,
    losses.MSE,
    losses.HalfMSE,
    losses.L1,
    losses.Huber,
    losses.BCEWithLogits,
    losses.BCE,
    losses.Hinge,
    losses.Perceptron,
)
"""Every loss that a script can hold."""

_ACCURACY = '''
def metrics(predicted, targets):
    """Return the share of right predictions."""
    return {"accuracy": (predicted == targets).double().mean().item()}
'''

_REGRESSION = '''
def metrics(predicted, targets):
    """Return the root of the mean squared error in the units of the data, and R2."""
    predicted, targets = predicted.double(), targets.double()
    errors = predicted - targets
    rmse = (errors * torch.as_tensor(target_scale, device=DEVICE)).square().mean().sqrt().item()
    spread = (targets - targets.mean(0)).square().sum(0)
    return {"rmse": rmse, "r2": (1 - errors.square().sum(0) / spread).mean().item()}
'''


def loss_code(loss: AnyLoss, shape: ProblemSpec) -> str:
    """Return `objective`, `predict` and `metrics` for one of `LOSSES`."""
    cost, predicted, smoothing = _cost(loss, shape), _predicted(loss, shape), ""
    if isinstance(loss, losses.CrossEntropy):
        smoothing = f"label_smoothing = {loss.label_smoothing!r}\n\n\n"
    parts = [
        "\n".join([
            "def objective(outputs, targets):",
            '    """Return the mean loss."""',
            *(f"    {line}" for line in cost),
        ]),
        f"def predict(outputs):\n    return {predicted}",
        (_REGRESSION if shape.task == "regression" else _ACCURACY).strip(),
    ]  # fmt: skip
    return smoothing + "\n\n\n".join(parts)


def _cost(loss: AnyLoss, shape: ProblemSpec) -> list[str]:
    one = shape.task != "regression" and loss.outputs(shape) == 1
    numbers = "targets"
    before: list[str] = []
    if shape.task != "regression" and not one:
        before = ["targets = torch.zeros_like(outputs).scatter_(-1, targets.unsqueeze(-1), 1.0)"]
    elif one:
        before, numbers = ["outputs, targets = outputs.squeeze(-1), targets.to(outputs.dtype)"], "targets"
    match loss:
        case losses.CrossEntropy():
            flat = "outputs.flatten(0, -2), targets.flatten()"
            return [f"return F.cross_entropy({flat}, label_smoothing=label_smoothing)"]
        case losses.NLL():
            return [
                "probabilities = outputs.flatten(0, -2).clamp_min(torch.finfo(torch.float32).tiny)",
                "return F.nll_loss(probabilities.log(), targets.flatten())",
            ]
        case losses.MSE():
            return [*before, f"return F.mse_loss(outputs, {numbers})"]
        case losses.HalfMSE():
            return [*before, f"return F.mse_loss(outputs, {numbers}) / 2"]
        case losses.L1():
            return [*before, f"return F.l1_loss(outputs, {numbers})"]
        case losses.Huber(delta=delta):
            return [*before, f"return F.huber_loss(outputs, {numbers}, delta={delta!r})"]
        case losses.BCEWithLogits():
            return [*before, "return F.binary_cross_entropy_with_logits(outputs, targets)"]
        case losses.BCE():
            return [*before, "return F.binary_cross_entropy(outputs, targets)"]
        case losses.Hinge():
            signs = "signs = targets.to(outputs.dtype) * 2 - 1"
            margin = [signs, "return (1 - signs * outputs.squeeze(-1)).clamp_min(0).mean()"]
            return margin if one else ["return F.multi_margin_loss(outputs, targets)"]
        case _:
            if one:
                signs = "signs = targets.to(outputs.dtype) * 2 - 1"
                return [signs, "return (-signs * outputs.squeeze(-1)).clamp_min(0).mean()"]
            return ["return (outputs.amax(-1) - outputs.gather(-1, targets.unsqueeze(-1)).squeeze(-1)).mean()"]


def _predicted(loss: AnyLoss, shape: ProblemSpec) -> str:
    if shape.task == "regression":
        return "outputs"
    if loss.outputs(shape) == 1:
        return f"(outputs.squeeze(-1) > {0.5 if isinstance(loss, losses.BCE) else 0.0}).long()"
    return "outputs.argmax(-1)"
