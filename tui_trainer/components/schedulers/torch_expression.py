"""torch's schedulers by the call that makes them, in closed form: read as text, never run, and without torch.

`StepLR(step_size=30)`, `SequentialLR([LinearLR(total_iters=5), CosineAnnealingLR(95)], milestones=[5])`,
`LambdaLR(lambda epoch: 1 / (1 + 0.2 * epoch))`: names, arguments and defaults are torch's (2.13). The rates equal
torch's step by step (`tests/components/test_torch_call.py`).
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tui_trainer.errors import did_you_mean

Curve = Callable[[float, float], float]
"""The rate from the optimizer's rate and the number of times that the scheduler's `step` was called."""

_NEEDED = object()
_THIRD = 1 / 3

_SIGNATURES: dict[str, dict[str, Any]] = {
    "LambdaLR": {"lr_lambda": _NEEDED},
    "MultiplicativeLR": {"lr_lambda": _NEEDED},
    "StepLR": {"step_size": _NEEDED, "gamma": 0.1},
    "MultiStepLR": {"milestones": _NEEDED, "gamma": 0.1},
    "ConstantLR": {"factor": _THIRD, "total_iters": 5},
    "LinearLR": {"start_factor": _THIRD, "end_factor": 1.0, "total_iters": 5},
    "ExponentialLR": {"gamma": _NEEDED},
    "PolynomialLR": {"total_iters": 5, "power": 1.0},
    "CosineAnnealingLR": {"T_max": _NEEDED, "eta_min": 0.0},
    "CosineAnnealingWarmRestarts": {"T_0": _NEEDED, "T_mult": 1, "eta_min": 0.0},
    "CyclicLR": {
        "base_lr": _NEEDED, "max_lr": _NEEDED, "step_size_up": 2000, "step_size_down": None, "mode": "triangular",
        "gamma": 1.0,
    },
    "OneCycleLR": {
        "max_lr": _NEEDED, "total_steps": _NEEDED, "pct_start": 0.3, "anneal_strategy": "cos", "div_factor": 25.0,
        "final_div_factor": 1e4, "three_phase": False,
    },
    "SWALR": {"swa_lr": _NEEDED, "anneal_epochs": 10, "anneal_strategy": "cos"},
    "SequentialLR": {"schedulers": _NEEDED, "milestones": _NEEDED},
    "ChainedScheduler": {"schedulers": _NEEDED},
}  # fmt: skip
"""Each class with its arguments and their defaults, the optimizer and the momentum left out."""

NAMES = tuple(_SIGNATURES)

_FACTORS = frozenset({
    "LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
})  # fmt: skip
"""Classes that multiply whatever rate they find, so that a chain is a product. LambdaLR sets it, and comes first."""

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # of floats: whole numbers could grow without an end
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "min": min, "max": max, "abs": abs, "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "cos": math.cos,
}  # fmt: skip


@cache
def curve_of(call: str) -> Curve:
    """The rates of the scheduler that the call makes.

    Raises:
        ValueError: it is no such call, an argument is missing or out of bounds; the message says which.
    """
    try:
        node = ast.parse(call.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        raise ValueError(f"{call!r} is not a call: write it as in Python, StepLR(step_size=30)") from None
    try:
        curve = _curve(node)
        for count in range(4):
            curve(1.0, count)
    except RecursionError:
        raise ValueError(f"{call[:60]!r}... is nested too deeply") from None
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"{call!r} has no rate: {error}") from None
    return curve


def _curve(node: ast.AST) -> Curve:
    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
        raise ValueError(f"{_text(node)!r} is not the call of a scheduler: write StepLR(step_size=30)")
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    if name == "ReduceLROnPlateau":
        raise ValueError('ReduceLROnPlateau follows a metric: choose scheduler.kind = "plateau"')
    if name not in _SIGNATURES:
        raise ValueError(f"torch has no scheduler {name!r}; {did_you_mean(name, NAMES)}")
    given = _arguments(name, node)
    try:
        return _CURVES[name](given)
    except (TypeError, AttributeError):
        raise ValueError(f"{_text(node)!r} has an argument of the wrong type") from None


def _arguments(name: str, node: ast.Call) -> dict[str, Any]:
    signature = _SIGNATURES[name]
    names = list(signature)
    if len(node.args) > len(names):
        raise ValueError(f"{name} takes at most {len(names)} arguments: {', '.join(names)} (the optimizer is left out)")
    given: dict[str, ast.AST] = dict(zip(names, node.args, strict=False))
    for keyword in node.keywords:
        if keyword.arg not in names:
            raise ValueError(f"{name} has no argument {keyword.arg!r} here; {did_you_mean(str(keyword.arg), names)}")
        given[keyword.arg] = keyword.value
    missing = [argument for argument, default in signature.items() if default is _NEEDED and argument not in given]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(missing)}")
    return {
        argument: _argument(argument, given[argument]) if argument in given else default
        for argument, default in signature.items()
    }


def _argument(name: str, node: ast.AST) -> Any:
    if name == "schedulers":
        if not isinstance(node, (ast.List, ast.Tuple)) or not node.elts:
            raise ValueError("schedulers is a list of calls: [LinearLR(), StepLR(30)]")
        return [(_text(item).split("(")[0].split(".")[-1], _curve(item)) for item in node.elts]
    if name == "lr_lambda":
        if not isinstance(node, ast.Lambda) or len(node.args.args) != 1:
            raise ValueError("lr_lambda is a function of the epoch: lambda epoch: 1 / (1 + 0.2 * epoch)")
        variable, body = node.args.args[0].arg, node.body

        def factor(count: float) -> float:
            return _number(body, {variable: count})

        return factor
    return _value(node, {})


def _value(node: ast.AST, variables: Mapping[str, float]) -> Any:
    """A number, a word, a list of them, or arithmetic."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item, variables) for item in items]
        case ast.Name(id=name) if name in variables:
            return variables[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_number(left, variables), _number(right, variables))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_number(operand, variables))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(arg, variables) for arg in args))
        case _:
            raise ValueError(f"{_text(node)!r} is more than arithmetic: numbers, + - * / // % **, min, max, exp, sqrt")


def _number(node: ast.AST, variables: Mapping[str, float]) -> float:
    """A number; words and lists would be multiplied, too."""
    value = _value(node, variables)
    if not isinstance(value, (int, float)):
        raise ValueError(f"{_text(node)!r} is not a number")
    return value


def _text(node: ast.AST) -> str:
    return ast.unparse(node)[:60]


def _positive(given: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not given[name] > 0:
            raise ValueError(f"{name} must be above 0")


def _lambda(given: dict[str, Any]) -> Curve:
    return lambda base, count: base * given["lr_lambda"](count)


def _multiplicative(given: dict[str, Any]) -> Curve:
    return lambda base, count: base * math.prod(given["lr_lambda"](k) for k in range(1, int(count) + 1))


def _step(given: dict[str, Any]) -> Curve:
    _positive(given, "step_size")
    return lambda base, count: base * given["gamma"] ** (count // given["step_size"])


def _multi_step(given: dict[str, Any]) -> Curve:
    return lambda base, count: base * given["gamma"] ** sum(count >= at for at in given["milestones"])


def _constant(given: dict[str, Any]) -> Curve:
    return lambda base, count: base * (given["factor"] if count < given["total_iters"] else 1.0)


def _linear(given: dict[str, Any]) -> Curve:
    start, end, total = given["start_factor"], given["end_factor"], given["total_iters"]
    _positive(given, "total_iters")
    return lambda base, count: base * (start + (end - start) * min(count, total) / total)


def _exponential(given: dict[str, Any]) -> Curve:
    return lambda base, count: base * given["gamma"] ** count


def _polynomial(given: dict[str, Any]) -> Curve:
    _positive(given, "total_iters")
    return lambda base, count: base * (1 - min(count / given["total_iters"], 1.0)) ** given["power"]


def _cosine(given: dict[str, Any]) -> Curve:
    """Beyond T_max it rises again, as torch's does."""
    least = given["eta_min"]
    _positive(given, "T_max")
    return lambda base, count: least + (base - least) * (1 + math.cos(math.pi * count / given["T_max"])) / 2


def _ours(kind: str, **fields: Any) -> Callable[[float, float, int], float]:
    """One of our own schedules, counted in steps from a clock that is its own."""
    from tui_trainer.components.base import choices
    from tui_trainer.components.schedulers.base import Clock, Scheduler
    from tui_trainer.components.schedulers.builtin import AnyScheduler

    schedule = choices(AnyScheduler)[kind].model_validate(fields)
    assert isinstance(schedule, Scheduler)

    def rate(base: float, count: float, total: int) -> float:
        return schedule.shape(base, Clock(step=count, epoch=int(count), total=total, steps_per_epoch=1))

    return rate


def _warm_restarts(given: dict[str, Any]) -> Curve:
    rate = _ours(
        "warm-restarts", first=given["T_0"], mult=given["T_mult"], min_lr=given["eta_min"], unit="step"
    )  # fmt: skip
    return lambda base, count: rate(base, count, 1)


def _cyclic(given: dict[str, Any]) -> Curve:
    """The optimizer's own rate is of no account, as in torch."""
    _positive(given, "max_lr")
    rate = _ours(
        "cyclic", low=given["base_lr"] / given["max_lr"], up=given["step_size_up"], down=given["step_size_down"],
        mode=given["mode"].replace("_", "-"), gamma=given["gamma"],
    )  # fmt: skip
    return lambda base, count: rate(given["max_lr"], count, 1)


def _one_cycle(given: dict[str, Any]) -> Curve:
    """The optimizer's own rate is of no account, as in torch; past total_steps, where torch raises, it stays low."""
    _positive(given, "max_lr", "total_steps")
    rate = _ours(
        "one-cycle", rise=given["pct_start"], div_factor=given["div_factor"],
        final_div_factor=given["final_div_factor"], three_phase=given["three_phase"],
        anneal={"cos": "cosine"}.get(given["anneal_strategy"], given["anneal_strategy"]),
    )  # fmt: skip
    return lambda base, count: rate(given["max_lr"], count, given["total_steps"])


def _swa(given: dict[str, Any]) -> Curve:
    if given["anneal_strategy"] not in ("cos", "linear"):
        raise ValueError("anneal_strategy is 'cos' or 'linear'")

    def rate(base: float, count: float) -> float:
        share = min(1.0, count / max(1, given["anneal_epochs"]))
        part = (1 - math.cos(math.pi * share)) / 2 if given["anneal_strategy"] == "cos" else share
        return base + (given["swa_lr"] - base) * part

    return rate


def _sequential(given: dict[str, Any]) -> Curve:
    curves, milestones = [curve for _, curve in given["schedulers"]], given["milestones"]
    if len(milestones) != len(curves) - 1 or sorted(set(milestones)) != milestones:
        raise ValueError(
            f"{len(curves)} schedulers meet at {len(curves) - 1} milestones, each later than the one before"
        )

    def rate(base: float, count: float) -> float:
        place = sum(count >= at for at in milestones)
        return curves[place](base, count - (milestones[place - 1] if place else 0))

    return rate


def _chained(given: dict[str, Any]) -> Curve:
    for place, (name, _) in enumerate(given["schedulers"]):
        if name not in _FACTORS or (name == "LambdaLR" and place):
            raise ValueError(
                f"{name} sets the rate and does not multiply the one that it finds: a chain is of schedulers that do, "
                f"such as {', '.join(sorted(_FACTORS - {'LambdaLR'}))}"
            )
    return lambda base, count: base * math.prod(curve(1.0, count) for _, curve in given["schedulers"])


_CURVES: dict[str, Callable[[dict[str, Any]], Curve]] = {
    "LambdaLR": _lambda,
    "MultiplicativeLR": _multiplicative,
    "StepLR": _step,
    "MultiStepLR": _multi_step,
    "ConstantLR": _constant,
    "LinearLR": _linear,
    "ExponentialLR": _exponential,
    "PolynomialLR": _polynomial,
    "CosineAnnealingLR": _cosine,
    "CosineAnnealingWarmRestarts": _warm_restarts,
    "CyclicLR": _cyclic,
    "OneCycleLR": _one_cycle,
    "SWALR": _swa,
    "SequentialLR": _sequential,
    "ChainedScheduler": _chained,
}
