"""Parse torch scheduler expressions and evaluate them in closed form, without running code and without torch.

`StepLR(step_size=30)`, `SequentialLR([LinearLR(total_iters=5), CosineAnnealingLR(95)], milestones=[5])` and
`LambdaLR(lambda epoch: 1 / (1 + 0.2 * epoch))` are examples. Names, arguments and defaults are those of torch 2.13. The
rates equal torch's step by step (`tests/components/schedulers/test_torch_expression.py`).
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from tui_trainer.components.base import Component
from tui_trainer.components.schedulers.base import Clock, Scheduler
from tui_trainer.errors import did_you_mean

Curve = Callable[[float, float], float]
"""A function of the optimizer's learning rate and the number of calls of the scheduler's `step`."""
Schedules = Mapping[str, type[Component]]
"""The schedules of this package by kind; three of torch's classes are evaluated by them."""

_REQUIRED = object()
_THIRD = 1 / 3

_SIGNATURES: dict[str, dict[str, Any]] = {
    "LambdaLR": {"lr_lambda": _REQUIRED},
    "MultiplicativeLR": {"lr_lambda": _REQUIRED},
    "StepLR": {"step_size": _REQUIRED, "gamma": 0.1},
    "MultiStepLR": {"milestones": _REQUIRED, "gamma": 0.1},
    "ConstantLR": {"factor": _THIRD, "total_iters": 5},
    "LinearLR": {"start_factor": _THIRD, "end_factor": 1.0, "total_iters": 5},
    "ExponentialLR": {"gamma": _REQUIRED},
    "PolynomialLR": {"total_iters": 5, "power": 1.0},
    "CosineAnnealingLR": {"T_max": _REQUIRED, "eta_min": 0.0},
    "CosineAnnealingWarmRestarts": {"T_0": _REQUIRED, "T_mult": 1, "eta_min": 0.0},
    "CyclicLR": {
        "base_lr": _REQUIRED, "max_lr": _REQUIRED, "step_size_up": 2000, "step_size_down": None, "mode": "triangular",
        "gamma": 1.0,
    },
    "OneCycleLR": {
        "max_lr": _REQUIRED, "total_steps": _REQUIRED, "pct_start": 0.3, "anneal_strategy": "cos", "div_factor": 25.0,
        "final_div_factor": 1e4, "three_phase": False,
    },
    "SWALR": {"swa_lr": _REQUIRED, "anneal_epochs": 10, "anneal_strategy": "cos"},
    "SequentialLR": {"schedulers": _REQUIRED, "milestones": _REQUIRED},
    "ChainedScheduler": {"schedulers": _REQUIRED},
}  # fmt: skip
"""The arguments and defaults of each class, without the optimizer and the momentum."""

NAMES = tuple(_SIGNATURES)

_FACTORS = frozenset({
    "LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
})  # fmt: skip
"""Classes that multiply the current rate, so that a chain of them is a product. LambdaLR sets it, and comes first."""

_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # on floats: integers could grow without limit
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "min": min, "max": max, "abs": abs, "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "cos": math.cos,
}  # fmt: skip


def curve_of(call: str, schedules: Schedules) -> Curve:
    """Return the rates of the scheduler that the call constructs.

    Args:
        call: the expression, without the optimizer.
        schedules: the schedules of this package by kind.

    Raises:
        ValueError: the text is not such a call, or an argument is missing or out of bounds; the message names it.
    """
    try:
        node = ast.parse(call.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        raise ValueError(f"{call!r} is not a call; write it as in Python: StepLR(step_size=30)") from None
    try:
        curve = _curve(node, schedules)
        for count in range(4):
            curve(1.0, count)
    except RecursionError:
        raise ValueError(f"{call[:60]!r}... is nested too deeply") from None
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"{call!r} cannot be evaluated: {error}") from None
    return curve


def _curve(node: ast.AST, schedules: Schedules) -> Curve:
    if not isinstance(node, ast.Call) or not isinstance(node.func, (ast.Name, ast.Attribute)):
        raise ValueError(f"{_text(node)!r} is not a scheduler; write a call such as StepLR(step_size=30)")
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    if name == "ReduceLROnPlateau":
        raise ValueError('ReduceLROnPlateau needs a metric; use scheduler.kind = "plateau"')
    if name not in _SIGNATURES:
        raise ValueError(f"torch has no scheduler {name!r}; {did_you_mean(name, NAMES)}")
    given = _arguments(name, node, schedules)
    try:
        if name in _BY_OUR_SCHEDULES:
            return _BY_OUR_SCHEDULES[name](given, schedules)
        return _CURVES[name](given)
    except (TypeError, AttributeError):
        raise ValueError(f"{_text(node)!r} has an argument of the wrong type") from None


def _arguments(name: str, node: ast.Call, schedules: Schedules) -> dict[str, Any]:
    signature = _SIGNATURES[name]
    names = list(signature)
    if len(node.args) > len(names):
        raise ValueError(f"{name} takes at most {len(names)} arguments: {', '.join(names)} (omit the optimizer)")
    given: dict[str, ast.AST] = dict(zip(names, node.args, strict=False))
    for keyword in node.keywords:
        if keyword.arg not in names:
            raise ValueError(f"{name} has no argument {keyword.arg!r} here; {did_you_mean(str(keyword.arg), names)}")
        given[keyword.arg] = keyword.value
    missing = [argument for argument, default in signature.items() if default is _REQUIRED and argument not in given]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(missing)}")
    return {
        argument: _argument(argument, given[argument], schedules) if argument in given else default
        for argument, default in signature.items()
    }


def _argument(name: str, node: ast.AST, schedules: Schedules) -> Any:
    if name == "schedulers":
        if not isinstance(node, (ast.List, ast.Tuple)) or not node.elts:
            raise ValueError("schedulers must be a list of calls, such as [LinearLR(), StepLR(30)]")
        return [(_text(item).split("(")[0].split(".")[-1], _curve(item, schedules)) for item in node.elts]
    if name == "lr_lambda":
        if not isinstance(node, ast.Lambda) or len(node.args.args) != 1:
            raise ValueError("lr_lambda must be a function of the epoch, such as lambda epoch: 1 / (1 + 0.2 * epoch)")
        variable, body = node.args.args[0].arg, node.body

        def factor(count: float) -> float:
            return _number(body, {variable: count})

        return factor
    return _value(node, {})


def _value(node: ast.AST, variables: Mapping[str, float]) -> Any:
    """Evaluate a number, a string, a list of them, or an arithmetic expression."""
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
            raise ValueError(f"{_text(node)!r} is not supported; use numbers, + - * / // % **, min, max, exp, sqrt")


def _number(node: ast.AST, variables: Mapping[str, float]) -> float:
    """Evaluate a number. Strings and lists are refused, since Python can multiply them too."""
    value = _value(node, variables)
    if not isinstance(value, (int, float)):
        raise ValueError(f"{_text(node)!r} is not a number")
    return value


def _text(node: ast.AST) -> str:
    return ast.unparse(node)[:60]


def _positive(given: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if not given[name] > 0:
            raise ValueError(f"{name} must be greater than 0")


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
    """Beyond T_max the rate rises again, as in torch."""
    least = given["eta_min"]
    _positive(given, "T_max")
    return lambda base, count: least + (base - least) * (1 + math.cos(math.pi * count / given["T_max"])) / 2


def _ours(schedules: Schedules, kind: str, **fields: Any) -> Callable[[float, float, int], float]:
    """Return the rates of one of this package's schedules, as a function of base, count and total count."""
    schedule = schedules[kind].model_validate(fields)
    assert isinstance(schedule, Scheduler)

    def rate(base: float, count: float, total: int) -> float:
        return schedule.shape(base, Clock(step=count, epoch=int(count), total=total, steps_per_epoch=1))

    return rate


def _warm_restarts(given: dict[str, Any], schedules: Schedules) -> Curve:
    rate = _ours(
        schedules, "warm-restarts", first=given["T_0"], mult=given["T_mult"], min_lr=given["eta_min"], unit="step"
    )  # fmt: skip
    return lambda base, count: rate(base, count, 1)


def _cyclic(given: dict[str, Any], schedules: Schedules) -> Curve:
    """The optimizer's own learning rate has no effect, as in torch."""
    _positive(given, "max_lr")
    rate = _ours(
        schedules, "cyclic", low=given["base_lr"] / given["max_lr"], up=given["step_size_up"],
        down=given["step_size_down"], mode=given["mode"].replace("_", "-"), gamma=given["gamma"],
    )  # fmt: skip
    return lambda base, count: rate(given["max_lr"], count, 1)


def _one_cycle(given: dict[str, Any], schedules: Schedules) -> Curve:
    """The optimizer's own learning rate has no effect, as in torch.

    After total_steps, where torch raises, the rate stays at its last value.
    """
    _positive(given, "max_lr", "total_steps")
    rate = _ours(
        schedules, "one-cycle", rise=given["pct_start"], div_factor=given["div_factor"],
        final_div_factor=given["final_div_factor"], three_phase=given["three_phase"],
        anneal={"cos": "cosine"}.get(given["anneal_strategy"], given["anneal_strategy"]),
    )  # fmt: skip
    return lambda base, count: rate(given["max_lr"], count, given["total_steps"])


def _swa(given: dict[str, Any]) -> Curve:
    if given["anneal_strategy"] not in ("cos", "linear"):
        raise ValueError("anneal_strategy must be 'cos' or 'linear'")

    def rate(base: float, count: float) -> float:
        share = min(1.0, count / max(1, given["anneal_epochs"]))
        part = (1 - math.cos(math.pi * share)) / 2 if given["anneal_strategy"] == "cos" else share
        return base + (given["swa_lr"] - base) * part

    return rate


def _sequential(given: dict[str, Any]) -> Curve:
    curves, milestones = [curve for _, curve in given["schedulers"]], given["milestones"]
    if len(milestones) != len(curves) - 1 or sorted(set(milestones)) != milestones:
        raise ValueError(f"{len(curves)} schedulers need {len(curves) - 1} milestones, each later than the one before")

    def rate(base: float, count: float) -> float:
        index = sum(count >= at for at in milestones)
        return curves[index](base, count - (milestones[index - 1] if index else 0))

    return rate


def _chained(given: dict[str, Any]) -> Curve:
    for index, (name, _) in enumerate(given["schedulers"]):
        if name not in _FACTORS or (name == "LambdaLR" and index):
            raise ValueError(
                f"{name} sets the rate instead of multiplying it; a chain can hold schedulers that multiply: "
                f"{', '.join(sorted(_FACTORS - {'LambdaLR'}))}"
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
    "SWALR": _swa,
    "SequentialLR": _sequential,
    "ChainedScheduler": _chained,
}

_BY_OUR_SCHEDULES: dict[str, Callable[[dict[str, Any], Schedules], Curve]] = {
    "CosineAnnealingWarmRestarts": _warm_restarts,
    "CyclicLR": _cyclic,
    "OneCycleLR": _one_cycle,
}
