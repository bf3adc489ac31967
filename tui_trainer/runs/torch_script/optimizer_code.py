"""The optimizers of a run as code: torch's, with the groups of parameters, and the change from one to another."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from tui_trainer.components.optimizers import Adagrad, Adam, AdamW, Muon, NAdam, RAdam, SparseAdam
from tui_trainer.components.optimizers.base import Named, is_sparse
from tui_trainer.components.optimizers.first_order import SGD, Adafactor, AnyOptimizer, RMSprop
from tui_trainer.components.optimizers.second_order import LBFGS

_ADAM = (Adam, AdamW, NAdam, RAdam)
_PAIRS = (Muon, SparseAdam)
_OWN = frozenset({"kind", "lr", "groups", "bias_correction", "eps_inside", "other_lr", "other_weight_decay"})
"""Fields that are no arguments of the torch class, or are written apart."""


def unsupported(optimizer: AnyOptimizer) -> str:
    """Return why an optimizer cannot be written; empty where it can."""
    if isinstance(optimizer, Adam) and not optimizer.bias_correction:
        return "optimizer.bias_correction = false"
    if isinstance(optimizer, Adagrad) and optimizer.eps_inside:
        return "optimizer.eps_inside = true"
    if getattr(optimizer, "torch_name", None) is None:
        return f'optimizer.kind = "{optimizer.kind}"'
    return ""


def is_pair(optimizer: AnyOptimizer) -> bool:
    """Return whether an optimizer is two of torch's, each for some of the parameters."""
    return isinstance(optimizer, _PAIRS)


def made(optimizer: AnyOptimizer, trained: Named, device: str, *, many: bool) -> list[str]:
    """Return the statements that make an optimizer over the trained parameters.

    A group of parameters has its `factor`: its learning rate as a multiple of the schedule's.

    Args:
        optimizer: its description.
        trained: the trained parameters.
        device: the one that the run trained on.
        many: whether the script has a list `optimizers`, and not one `optimizer`.
    """
    if not is_pair(optimizer):
        call = _call(optimizer, optimizer.torch_name, trained, trained, 1.0, _arguments(optimizer, trained, device))
        return (f"optimizers = [{call}]" if many else f"optimizer = {call}").splitlines()
    assert isinstance(optimizer, _PAIRS)
    mine = [(name, parameter) for name, parameter in trained if optimizer.takes(parameter)]
    others = [(name, parameter) for name, parameter in trained if not optimizer.takes(parameter)]
    calls = [_call(optimizer, optimizer.torch_name, mine, (), 1.0, _arguments(optimizer, mine, device))]
    if others:
        decay = optimizer.other_weight_decay if isinstance(optimizer, Muon) else 0.01
        factor = optimizer.other_lr / optimizer.lr
        calls.append(_call(optimizer, "AdamW", others, (), factor, [f"weight_decay={decay!r}"]))
    return ["optimizers = [", *(f"    {line}" for call in calls for line in f"{call},".splitlines()), "]"]


def _call(
    optimizer: AnyOptimizer, name: str, named: Named, trained: Named, factor: float, arguments: Sequence[str]
) -> str:
    if named is trained and not optimizer.groups:
        return f"torch.optim.{name}({', '.join(['trained', f'lr={optimizer.lr!r}', *arguments])})"
    rate = optimizer.lr * factor
    groups: dict[str, list[str]] = {}
    factors: dict[str, float] = {}
    for parameter, _ in named:
        own = next((group for group in optimizer.groups if fnmatchcase(parameter, group.match)), None)
        match = own.match if own is not None else ""
        groups.setdefault(match, []).append(parameter)
        factors[match] = (rate * (own.lr_factor if own is not None else 1.0)) / optimizer.lr
    ordered = sorted(
        groups, key=lambda match: [group.match for group in optimizer.groups].index(match) if match else -1
    )
    tables = [
        f'{{"params": [weights[name] for name in {groups[match]!r}], "factor": {factors[match]!r}}}'
        for match in ordered
    ]
    listed = "".join(f"    {table},\n" for table in tables)
    parameters = f"[\n{listed}]"
    return f"torch.optim.{name}({', '.join([parameters, f'lr={rate!r}', *arguments])})"


def _arguments(optimizer: AnyOptimizer, named: Named, device: str) -> list[str]:
    """Return the keyword arguments of the torch class: the settings that differ from its defaults."""
    settings: dict[str, Any] = {name: value for name, value in optimizer if name not in _OWN}
    if isinstance(optimizer, Adafactor):
        settings["eps"] = (settings.pop("eps1"), settings.pop("eps2"))
    given = [
        f"{name}={value!r}"
        for name, value in settings.items()
        if name not in type(optimizer).model_fields or value != type(optimizer).model_fields[name].default
    ]
    dense = not any(is_sparse(parameter) for _, parameter in named)
    if optimizer.fusible and device.split(":")[0] in optimizer.fused_on and dense:
        given.append("fused=True")
    return given


def replaced(
    before: AnyOptimizer, after: AnyOptimizer, trained: Named, device: str, *, keep: bool, many: bool
) -> list[str] | str:
    """Return the statements that put another optimizer in the place of the present one; a text where that fails.

    Args:
        before, after: their descriptions.
        trained: the trained parameters.
        device: the one that the run trained on.
        keep: whether the averages stay where both optimizers keep the same ones.
        many: whether the script has a list `optimizers`.
    """
    if problem := unsupported(after):
        return problem
    lines = made(after, trained, device, many=many)
    alike = type(before) is type(after) or (isinstance(before, _ADAM) and isinstance(after, _ADAM))
    if not keep or not alike:
        return lines
    if isinstance(after, LBFGS) or after.kind in ("asgd", *(("rmsprop",) if _grows(before, after) else ())):
        return f"a change of the settings of {after.kind} while it trains"
    if isinstance(after, SGD) and not (after.momentum and getattr(before, "momentum", 0.0)):
        return lines
    if many:
        lines = ["before = optimizers", *lines, "for old, new in zip(before, optimizers):"]
        lines.append("    new.state.update(old.state)  # the averages stay")
    else:
        lines = ["averages = optimizer.state", *lines, "optimizer.state.update(averages)"]
    first = "optimizers[0]" if many else "optimizer"
    if getattr(after, "amsgrad", False) and not getattr(before, "amsgrad", False):
        lines += [
            f"for weight, kept in {first}.state.items():",
            '    kept["max_exp_avg_sq"] = torch.zeros_like(weight)',
        ]
    if isinstance(after, NAdam) and not isinstance(before, NAdam):
        lines += [
            f"for kept in {first}.state.values():",
            '    count = torch.arange(1, int(kept["step"]) + 1, dtype=torch.float64)',
            f"    product = ({after.betas[0]!r} * (1 - 0.5 * 0.96 ** (count * {after.momentum_decay!r}))).prod()",
            '    kept["mu_product"] = product.to(kept["step"])',
        ]
    return lines


def _grows(before: AnyOptimizer, after: AnyOptimizer) -> bool:
    """Return whether RMSprop needs an average that it has not kept."""
    if not isinstance(before, RMSprop) or not isinstance(after, RMSprop):
        return False
    return (after.momentum > 0) != (before.momentum > 0) or after.centered != before.centered
