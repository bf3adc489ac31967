"""What pydantic found wrong, said for people: the key path, what was given, what is allowed, the nearest name."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tui_trainer.components.base import choices
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.text import visible

_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


def as_user_error(error: ValidationError, model: type[BaseModel], source: str, prefix: str = "") -> UserError:
    """One message for the first problem, and how many more there are."""
    problems = error.errors(include_url=False)
    # A wrong kind hides whatever else is wrong in its table, and an unknown key is the likeliest cause of the others.
    order = {"union_tag_invalid": 0, "union_tag_not_found": 0, "extra_forbidden": 1}
    first = min(problems, key=lambda problem: order.get(problem["type"], 2))
    message = f"{source}: {_problem(first, model, prefix)}"
    if len(problems) > 1:
        message += f" (and {len(problems) - 1} more)"
    return UserError(visible(message))  # an unknown key may hold anything


def _problem(problem: Any, model: type[BaseModel], prefix: str) -> str:
    path, owner = _walk(problem["loc"], model)
    key = ".".join([*([prefix] if prefix else []), *path])
    kind, context, given = problem["type"], problem.get("ctx", {}), problem.get("input")
    if kind == "extra_forbidden":
        known = owner.model_fields if owner is not None else {}
        return f"{key}: unknown key; {did_you_mean(path[-1], known)}"
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        return f"{key}.kind: {_shown(context['tag'])} is not one; {did_you_mean(str(context['tag']), known)}"
    if kind == "union_tag_not_found":
        return f"{key}.kind: missing: a table of this family names its kind"
    if kind == "value_error":
        reason = str(context["error"])
        return f"{key}: {reason}" if key else reason
    allowed = _allowed(problem, owner, path[-1] if path else "")
    return f"{key}: {_shown(given)} is not allowed: {allowed}"


def _allowed(problem: Any, owner: type[BaseModel] | None, key: str) -> str:
    context = problem.get("ctx", {})
    field = owner.model_fields.get(key) if owner is not None else None
    limits: dict[str, Any] = {name: context[name] for name in _BOUNDS if name in context}
    if limits and field is not None:  # the whole range, not just the end that was missed
        limits = {name: getattr(part, name) for part in field.metadata for name in _BOUNDS if hasattr(part, name)}
    bounds = [f"{word} {limits[name]:g}" for name, word in _BOUNDS.items() if limits.get(name) is not None]
    if bounds:
        return f"must be {' and '.join(bounds)}"
    if "expected" in context:
        return f"one of {context['expected']}"
    text = problem["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return text[0].lower() + text[1:]


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    text = visible(text)
    return text if len(text) <= 80 else text[:77] + "..."


def _walk(loc: tuple[Any, ...], model: type[BaseModel]) -> tuple[list[str], type[BaseModel] | None]:
    """The key path of an error, without the tags that pydantic puts into it, and the model that owns its last key."""
    path: list[str] = []
    here: Any = model
    owner: type[BaseModel] | None = None
    for part in loc:
        members = _members(here)
        if members is not None and part in members:
            here = members[part]
            continue
        if isinstance(part, str) and "[" in part:  # the name of a validator function, not a key
            continue
        path.append(str(part))
        if isinstance(part, int) and get_origin(here) is tuple:  # one of a list of components
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


def _members(annotation: Any) -> dict[str, Any] | None:
    """The classes by kind where the annotation is a union of components."""
    while get_origin(annotation) is Annotated:
        inner = get_args(annotation)[0]
        if get_origin(inner) is not Annotated:
            try:
                return dict(choices(annotation))
            except (AttributeError, TypeError, KeyError):
                return None
        annotation = inner
    return None
