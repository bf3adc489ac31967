"""Describe the fields of a pydantic model for a form, and parse the texts typed into them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from tui_trainer.components.base import field_help
from tui_trainer.text import exact

Kind = Literal["number", "whole", "switch", "choice", "list", "words", "text", "table"]
Model = TypeVar("Model", bound=BaseModel)

_OFF, _ON = "no", "yes"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a form.

    Attributes:
        name: name of the model's field.
        kind: kind of input: a number, a choice, a comma-separated list, ...
        default: initial text.
        options: values to choose from.
        bounds: allowed values, as text.
        help: sentence below the form while the field has the focus.
        optional: whether it may be empty.
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
    """The content of a form: the model, or an error message per field; the key "" is for the model as a whole."""

    model: Model | None
    errors: Mapping[str, str]


def specs(
    model: type[BaseModel],
    leave_out: tuple[str, ...] = ("kind", "type"),
    value: BaseModel | None = None,
    *,
    rare: bool = False,
) -> tuple[FieldSpec, ...]:
    """Describe the fields of a model in their order, inherited ones last.

    Args:
        value: the value to be shown: fields that are rarely used are described where it has something there.
        rare: whether to describe them all.
    """
    if not rare:
        fields = model.model_fields.items()
        leave_out += tuple(name for name, field in fields if _is_rare(field) and not getattr(value, name, None))
    texts = field_help(model)
    annotations = vars(model).get("__annotations__", {})
    own = [name for name in model.model_fields if name in annotations]
    rest = [name for name in model.model_fields if name not in own]
    return tuple(
        _spec(name, model.model_fields[name], texts.get(name, "")) for name in [*own, *rest] if name not in leave_out
    )


def _is_rare(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("rare"))


def _spec(name: str, field: FieldInfo, text: str) -> FieldSpec:
    base, optional, metadata = _unwrap(field.annotation)
    kind, options = _kind(base)
    default = "" if field.is_required() else written(field.get_default(call_default_factory=True))
    bounds = _bounds([*field.metadata, *metadata], kind)
    return FieldSpec(name, kind, default, options, bounds, text.replace("\n", " "), optional)


def _unwrap(annotation: Any) -> tuple[Any, bool, list[Any]]:
    """Return the type inside `Annotated` and `Optional`, whether None is allowed, and the bounds."""
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
        item = _unwrap(get_args(base)[0])[0]
        return ("words" if item is str else "table" if _is_model(item) else "list"), ()
    return ("text", ()) if base is str else ("table", ())


def _is_model(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, BaseModel)


def _bounds(metadata: list[Any], kind: Kind) -> str:
    low = high = ""
    for bound in metadata:
        for symbol, name in ((">", "gt"), ("≥", "ge")):
            if (value := getattr(bound, name, None)) is not None:
                low = f"{symbol} {exact(value)}"
        for symbol, name in (("<", "lt"), ("≤", "le")):
            if (value := getattr(bound, name, None)) is not None:
                high = f"{symbol} {exact(value)}"
    format_hint = "whole" if kind == "whole" else "a, b, …" if kind in ("list", "words") else ""
    return ", ".join(part for part in (low, high) if part) or format_hint


def written(value: object) -> str:
    """Format a value as the text of a form field."""
    match value:
        case None:
            return ""
        case bool():
            return _ON if value else _OFF
        case float():
            return exact(value)
        case tuple() | list() if any(isinstance(item, BaseModel) for item in value):  # pyright: ignore[reportUnknownVariableType]
            return _toml(value)  # pyright: ignore[reportUnknownArgumentType]
        case tuple() | list():
            return ", ".join(written(item) for item in value)  # pyright: ignore[reportUnknownVariableType]
        case BaseModel():
            fields = ", ".join(f"{name} = {_toml(item)}" for name, item in value if item is not None)
            return "{" + fields + "}"
        case dict():
            return "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + "}"  # pyright: ignore[reportUnknownVariableType]
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
    """Parse the texts of a form into a model; collect the errors field by field."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for spec in specs(model, rare=True):
        text = texts.get(spec.name, spec.default).strip()
        try:
            values[spec.name] = _value(spec, text)
        except ValueError as error:
            errors[spec.name] = str(error)
    try:
        built = model.model_validate(values)
    except ValidationError as error:
        for problem in error.errors():
            field = str(problem["loc"][0]) if problem["loc"] else ""
            errors.setdefault(field if field in values else "", _short_message(problem["msg"]))
        return Filled(None, errors)
    return Filled(None, errors) if errors else Filled(built, {})


def _value(spec: FieldSpec, text: str) -> Any:
    if not text:
        if spec.optional:
            return None
        if spec.kind in ("list", "words") or (spec.kind == "table" and not spec.default):
            return ()
        if spec.kind == "text" and not spec.default:
            return ""
        raise ValueError("must not be empty")
    match spec.kind:
        case "switch":
            return text == _ON
        case "list":
            return tuple(_number(part.strip()) for part in text.strip("[]()").split(",") if part.strip())
        case "words":
            return tuple(part.strip() for part in text.split(",") if part.strip())
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
    """Parse a TOML value; text that is none is a string."""
    if len(text) > 500:
        raise ValueError("too long")
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _short_message(message: str) -> str:
    """Shorten a message of pydantic to fit next to a field."""
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return text.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
