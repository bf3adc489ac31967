"""The base class of all components: a frozen, strictly validated description that builds the real object."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from tui_trainer.text import exact

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
"""A fraction, 0 to 1."""
Decay = Annotated[float, Field(ge=0, lt=1)]
"""The weight of the past in a moving average, 0 to below 1."""
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Real = Annotated[float, Field(allow_inf_nan=False)]


ImportPath = Annotated[str, Field(pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_][\w.]*)?$", max_length=200)]
"""The import path of user code, as `module:function`."""
Arguments = dict[
    Annotated[str, Field(pattern=r"^[A-Za-z_]\w{0,63}$")], bool | int | float | str | list[float] | list[str]
]
"""Keyword arguments of such a function."""


RARE: dict[str, Any] = {"rare": True}
"""Marks a field that forms show only where it is set (pydantic's `json_schema_extra`)."""


class Component(BaseModel):
    """One choice of a family, named by its `kind`.

    Fields carry their bounds, so that a preset, a form and a command refuse the same values with the same words. The
    sentence under a field says what it does for the person who sets it (`field_help` reads it). torch is imported only
    inside the methods that build.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants", defer_build=True)

    runs_code: ClassVar[bool] = False
    """Whether building it imports and calls code by import path, for which a run needs `--trust`."""

    # A string. To a type checker fields are mutable, and no class could narrow a `str` to its own Literal.
    kind: Any

    def label(self) -> str:
        """Return the kind and the fields that differ from their defaults, as written in a preset."""
        changed = [
            f"{name}={_plain(value)}"
            for name, value in self
            if name != "kind" and value != type(self).model_fields[name].get_default(call_default_factory=True)
        ]
        return " ".join([self.kind, *changed])


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return exact(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_plain(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Component):
        return value.label()
    return str(value)


def choices(union: Any) -> dict[str, type[Component]]:
    """Return the classes of a discriminated union by kind, in the order of the union."""
    while get_origin(union) is Annotated:
        union = get_args(union)[0]
    return {member.model_fields["kind"].default: member for member in get_args(union)}


def by_name(value: Any) -> Any:
    """Expand a bare kind to its table: "relu" becomes {kind = "relu"}. For a `BeforeValidator` around a union."""
    return {"kind": value} if isinstance(value, str) else value


@cache
def field_help(component: type[BaseModel]) -> dict[str, str]:
    """Return the docstring of each field of a class and its bases, by field name; empty if the source is not available.

    Read on demand: parsing the source of every class at import would cost more than importing them.
    """
    found: dict[str, str] = {}
    for cls in reversed(component.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found |= documented_fields(cls)
    return found


def documented_fields(cls: type) -> dict[str, str]:
    """Return the docstring of each field that a class itself declares, by field name."""
    found: dict[str, str] = {}
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return found
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, doc in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(doc, ast.Expr):
            text = getattr(doc.value, "value", None)
            if isinstance(text, str):
                found[field.target.id] = inspect.cleandoc(text)
    return found


def absolute_path(path: str) -> str:
    """Return the absolute path if the file exists; otherwise the given path, for the error message."""
    try:
        file = Path(path).expanduser()
        return str(file.absolute()) if file.is_file() else path
    except (OSError, ValueError, RuntimeError):
        return path
