"""Arithmetic on what the runs of a lesson measured, written as text in a preset.

An expression is a sum, difference, product or quotient of numbers and of these references, with spaces between all of
them: `high:train_loss@-1 / good:train_loss@-1`. A reference names a variant (nothing before the colon for a run without
variants) and

- `metric@N`: its value at the end of epoch N, counted from 1, or from the end with -1; `@best` is the best of all;
- `metric@sN`: its value at step N;
- `metric<=X`, `metric>=X`: the first step at which it got there;
- `picture#number`: a number of the last picture of that name;
- `epochs`, `steps`: how many it was trained.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

_REFERENCE = re.compile(
    r"(?P<run>[\w-]*):(?P<name>[\w./-]+?)"
    r"(?:@(?P<at>-?\d+|best|s\d+)|(?P<sign><=|>=)(?P<level>[\d.eE+-]+)|#(?P<number>[\w./-]+))?"
)
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COUNTS = ("epochs", "steps")
_SIGNS = ("+", "-", "*", "/", "(", ")")


@dataclass(frozen=True, slots=True)
class Reference:
    """One measured number.

    Attributes:
        run: the variant; empty for a run without variants.
        name: the metric, the picture, or `epochs` or `steps`.
        at: an epoch, `best`, or a step as `s100`; empty for the others.
        sign: `<=` or `>=` for the first step at which the metric reaches `level`.
        number: the name of the picture's number.
    """

    run: str
    name: str
    at: str = ""
    sign: str = ""
    level: float = 0.0
    number: str = ""


Lookup = Callable[[Reference], float]


def references(expression: str) -> list[Reference]:
    """Return the references of an expression. Raises `ValueError` where it is invalid."""
    return _parse(expression)[1]


def value_of(expression: str, lookup: Lookup) -> float:
    """Return the value of an expression; NaN where it divides by 0. Raises `ValueError` where it is invalid."""
    tree, found = _parse(expression)
    values = [lookup(reference) for reference in found]
    try:
        return _value(tree, values)
    except (ZeroDivisionError, OverflowError):
        return math.nan


def _parse(expression: str) -> tuple[ast.expr, list[Reference]]:
    found: list[Reference] = []
    words: list[str] = []
    for word in expression.split():
        if word in _SIGNS:
            words.append(word)
        elif match := _REFERENCE.fullmatch(word):
            words.append(f"_{len(found)}")
            found.append(_reference(match, word))
        else:
            try:
                words.append(repr(float(word)))
            except ValueError:
                raise ValueError(
                    f"{word!r} is no number, sign or reference; write RUN:METRIC@EPOCH, with spaces around each sign"
                ) from None
    try:
        tree = ast.parse(" ".join(words), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"{expression!r} is no expression, such as high:train_loss@-1 / good:train_loss@-1") from None
    _value(tree, [1.0] * len(found), check=True)
    return tree, found


def _reference(match: re.Match[str], word: str) -> Reference:
    name, at, sign, level, number = (match[part] or "" for part in ("name", "at", "sign", "level", "number"))
    if not (at or sign or number) and name not in _COUNTS:
        raise ValueError(f"{word!r} names no moment; write {word}@-1 for its value at the end of the last epoch")
    if at == "0":
        raise ValueError(f"{word!r}: epochs are counted from 1, or from the end with -1")
    return Reference(match["run"], name, at, sign, float(level or 0), number)


def _value(node: ast.expr, values: list[float], *, check: bool = False) -> float:
    match node:
        case ast.Constant(value=float() | int() as value):
            return float(value)
        case ast.Name(id=name):
            return values[int(name[1:])]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values, check=check)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            one, other = _value(left, values, check=check), _value(right, values, check=check)
            return 1.0 if check else _OPERATORS[type(sign)](one, other)
        case _:
            raise ValueError("only numbers, references, + - * / and parentheses")
