"""The fields of a pydantic model as a form sees them: what each takes, in which bounds, and what was typed, read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from tui_trainer.components.base import field_help

Kind = Literal["number", "whole", "switch", "choice", "list", "text", "table"]
Model = TypeVar("Model", bound=BaseModel)

_OFF, _ON = "no", "yes"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a form.

    Attributes:
        name: the field's own.
        kind: what is typed: a number, a choice, a comma list.
        default: what stands in it at first, as text.
        options: what there is to choose from.
        bounds: what is allowed, as a person reads it.
        help: the sentence under the field.
        optional: whether it may be left empty.
    """

    name: str
    kind: Kind
    default: str
    options: tuple[str, ...] = ()
    bounds: str = ""
    help: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Filled(Generic[Model]):
    """What a form holds: the model, or for each field that cannot be read why (under "" what is wrong with all)."""

    model: Model | None
    errors: Mapping[str, str]


def specs(model: type[BaseModel], leave_out: tuple[str, ...] = ("kind", "type")) -> tuple[FieldSpec, ...]:
    """The fields of a model, in the order in which they are written; inherited ones last."""
    texts = field_help(model)
    mine = vars(model).get("__annotations__", {})
    own = [name for name in model.model_fields if name in mine]
    rest = [name for name in model.model_fields if name not in own]
    return tuple(
        _spec(name, model.model_fields[name], texts.get(name, "")) for name in [*own, *rest] if name not in leave_out
    )


def _spec(name: str, field: FieldInfo, text: str) -> FieldSpec:
    base, optional, metadata = _unwrap(field.annotation)
    kind, options = _kind(base)
    default = "" if field.is_required() else written(field.get_default(call_default_factory=True))
    bounds = _bounds([*field.metadata, *metadata], kind)
    return FieldSpec(name, kind, default, options, bounds, text.replace("\n", " "), optional)


def _unwrap(annotation: Any) -> tuple[Any, bool, list[Any]]:
    """The type itself, whether None is one of its values, and the bounds that stood around it."""
    optional, metadata = False, list[Any]()
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            metadata += [bound for item in more for bound in getattr(item, "metadata", (item,))]
        elif origin in (Union, UnionType) and NoneType in get_args(annotation):
            others = [member for member in get_args(annotation) if member is not NoneType]
            optional, annotation = True, others[0] if len(others) == 1 else object
        else:
            return annotation, optional, metadata


def _kind(base: Any) -> tuple[Kind, tuple[str, ...]]:
    origin = get_origin(base)
    if base is bool:
        return "switch", (_OFF, _ON)
    if base is int:
        return "whole", ()
    if base is float:
        return "number", ()
    if origin is Literal:
        return "choice", tuple(str(value) for value in get_args(base))
    if origin in (tuple, list):
        return "list", ()
    return ("text", ()) if base is str else ("table", ())


def _bounds(metadata: list[Any], kind: Kind) -> str:
    low = high = ""
    for bound in metadata:
        for sign, name in ((">", "gt"), ("≥", "ge")):
            if (value := getattr(bound, name, None)) is not None:
                low = f"{sign} {value:g}"
        for sign, name in (("<", "lt"), ("≤", "le")):
            if (value := getattr(bound, name, None)) is not None:
                high = f"{sign} {value:g}"
    whole = "whole" if kind == "whole" else "a, b, …" if kind == "list" else ""
    return ", ".join(part for part in (low, high) if part) or whole


def written(value: object) -> str:
    """A value as it stands in a form."""
    match value:
        case None:
            return ""
        case bool():
            return _ON if value else _OFF
        case float():
            return f"{value:g}"
        case tuple() | list():
            return ", ".join(written(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
        case BaseModel():
            inner = ", ".join(f"{name} = {_toml(item)}" for name, item in value if item is not None)
            return "{" + inner + "}"
        case _:
            return str(value)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case tuple() | list():
            return "[" + ", ".join(_toml(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
        case BaseModel():
            return written(value)
        case _:
            return str(value)


def read(model: type[Model], texts: Mapping[str, str]) -> Filled[Model]:
    """The model that the texts describe, or what is wrong with them, field by field."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for spec in specs(model):
        text = texts.get(spec.name, spec.default).strip()
        try:
            values[spec.name] = _value(spec, text)
        except ValueError as error:
            errors[spec.name] = str(error)
    try:
        built = model.model_validate(values)
    except ValidationError as error:
        for problem in error.errors():
            where = str(problem["loc"][0]) if problem["loc"] else ""
            errors.setdefault(where if where in values else "", _words(problem["msg"]))
        return Filled(None, errors)
    return Filled(None, errors) if errors else Filled(built, {})


def _value(spec: FieldSpec, text: str) -> Any:
    if not text:
        if spec.optional:
            return None
        if spec.kind == "list":
            return ()
        raise ValueError("empty")
    match spec.kind:
        case "switch":
            return text == _ON
        case "list":
            return tuple(_number(part.strip()) for part in text.strip("[]()").split(",") if part.strip())
        case "number" | "whole":
            return _number(text)
        case "table":
            return _table(text)
        case _:
            return text


def _number(text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"not a number: {text[:20]}") from None
    if text.lstrip("+-").isdecimal() and len(text) < 20:
        return int(text)
    return value


def _table(text: str) -> Any:
    """A value in TOML's own words; a bare word is itself."""
    if len(text) > 500:
        raise ValueError("too long")
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _words(message: str) -> str:
    """A message of pydantic, shortened to what fits beside a field."""
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return text.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
