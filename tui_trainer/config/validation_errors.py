"""Turn pydantic's validation errors into one line: key path, given value, allowed values, nearest name."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tui_trainer.components.base import choices
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.text import exact, visible

_BOUNDS = {"gt": "greater than", "ge": "at least", "lt": "less than", "le": "at most"}
_TYPES = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a string",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
"""The required type by pydantic's name of the error, in TOML's words."""


def as_user_error(
    error: ValidationError,
    model: type[BaseModel],
    source: str,
    prefix: str = "",
    hidden: frozenset[str] = frozenset(),
) -> UserError:
    """Return an error that describes the most likely cause and counts the remaining problems.

    Args:
        hidden: keys that are not offered in place of an unknown one.
    """
    problems = error.errors(include_url=False)
    # Fields are checked only if the kind is known, and an unknown key (a typo) often causes the other problems.
    order = {"union_tag_invalid": 0, "union_tag_not_found": 0, "extra_forbidden": 1}
    first = min(problems, key=lambda problem: order.get(problem["type"], 2))
    message = f"{source}: {_problem(first, model, prefix, hidden)}"
    if len(problems) > 1:
        message += f" (and {len(problems) - 1} more)"
    return UserError(visible(message))  # an unknown key may contain control characters


def _problem(problem: Any, model: type[BaseModel], prefix: str, hidden: frozenset[str]) -> str:
    path, owner = _walk(problem["loc"], model)
    key = ".".join([*([prefix] if prefix else []), *path])
    kind, context, given = problem["type"], problem.get("ctx", {}), problem.get("input")
    if kind == "extra_forbidden":
        fields = owner.model_fields.items() if owner is not None else ()
        known = [field.alias or name for name, field in fields if name not in hidden]
        return f"{key}: unknown key; {did_you_mean(path[-1], known)}"
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        return f"{key}.kind: unknown kind {_shown(context['tag'])}; {did_you_mean(str(context['tag']), known)}"
    if kind == "union_tag_not_found":
        return f"{key}.kind: missing; set the kind of this table"
    if kind == "missing":
        return f"{key}: missing; this key is required"
    if kind == "value_error":
        reason = str(context["error"])
        return f"{key}: {reason}" if key else reason
    return f"{key}: {_requirement(problem, owner, path[-1] if path else '')} (got {_shown(given)})"


def _requirement(problem: Any, owner: type[BaseModel] | None, key: str) -> str:
    """Return the rule that the value violates."""
    if problem["type"] in _TYPES:
        return f"must be {_TYPES[problem['type']]}"
    context = problem.get("ctx", {})
    field = owner.model_fields.get(key) if owner is not None else None
    limits: dict[str, Any] = {name: context[name] for name in _BOUNDS if name in context}
    if limits and field is not None:  # show the full range, not only the bound that was violated
        limits = {name: getattr(part, name) for part in field.metadata for name in _BOUNDS if hasattr(part, name)}
    bounds = [f"{word} {exact(limits[name])}" for name, word in _BOUNDS.items() if limits.get(name) is not None]
    if bounds:
        return f"must be {' and '.join(bounds)}"
    if "expected" in context:
        return f"must be {context['expected']}"
    text = problem["msg"].removeprefix("Input ").replace("should", "must", 1)
    return text[0].lower() + text[1:]


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    text = visible(text)
    return text if len(text) <= 80 else text[:77] + "..."


def _walk(loc: tuple[Any, ...], model: type[BaseModel]) -> tuple[list[str], type[BaseModel] | None]:
    """Return the key path of an error without pydantic's union tags, and the model that owns the last key."""
    path: list[str] = []
    here: Any = model
    owner: type[BaseModel] | None = None
    for part in loc:
        here = _present(here)
        members = _members(here)
        if members is not None and part in members:
            here = members[part]
            continue
        if isinstance(part, str) and "[" in part:  # the name of a validator function, not a key
            continue
        path.append(str(part))
        if isinstance(part, int) and get_origin(here) is tuple:  # an item of a list of components
            here = get_args(here)[0]
            continue
        if isinstance(here, type) and issubclass(here, BaseModel):
            owner = here
            field = here.model_fields.get(str(part))
            here = field.annotation if field is not None else None
            if field is not None and field.discriminator is not None:
                here = Annotated[here, field]  # pyright: ignore[reportInvalidTypeForm]
        else:
            owner, here = None, None
    return path, owner


def _present(annotation: Any) -> Any:
    """Return the class of an optional table; any other annotation as it is."""
    given = [part for part in get_args(annotation) if part is not NoneType]
    optional = isinstance(annotation, UnionType) and len(given) == 1
    return given[0] if optional else annotation


def _members(annotation: Any) -> dict[str, Any] | None:
    """Return the classes of a union of components by kind; None for any other annotation."""
    while get_origin(annotation) is Annotated:
        inner = get_args(annotation)[0]
        if get_origin(inner) is not Annotated:
            try:
                return dict(choices(annotation))
            except (AttributeError, TypeError, KeyError):
                return None
        annotation = inner
    return None
