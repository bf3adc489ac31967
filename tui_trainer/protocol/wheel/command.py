"""The base class of commands: their sender, their run, and the reason; and the commands about the wheel."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tui_trainer.components.base import Positive
from tui_trainer.text import visible

ALL_RUNS = "*"
MAX_REASON = 500
"""Most characters of the reason for a command."""


def one_line(text: object) -> object:
    """Return a text on one line, without control characters."""
    return visible(" ".join(text.split())) if isinstance(text, str) else text


Actor = Literal["", "person", "script", "agent"]
"""The kind of a sender; empty for the program itself, and in commands of earlier versions."""

Reason = Annotated[str, Field(max_length=MAX_REASON), BeforeValidator(one_line)]
"""A reason in words, on one line and without control characters."""


class Command(BaseModel):
    """A command with its sender and its run.

    Attributes:
        id: chosen by the sender; it comes back in the `cause` of the answer.
        by: the sender.
        run: name of a run of the host, `*` for all of them.
        actor: the kind of the sender; left out of lines where it is empty, as `because` is.
        because: the sender's reason, kept in the journal and shown with the intervention. An empty one is left out of
            lines, so that earlier hosts and viewers accept the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    names: ClassVar[tuple[str, ...]] = ()
    """Names on the command line, besides the class name in kebab case."""

    type: str
    id: str = ""
    by: str = ""
    actor: Annotated[Actor, Field(exclude_if=lambda actor: not actor)] = ""
    run: str = ALL_RUNS
    because: Annotated[Reason, Field(exclude_if=lambda reason: not reason)] = ""

    @classmethod
    def cli_names(cls) -> tuple[str, ...]:
        """Return the names that `tui-trainer send` accepts, the short ones first."""
        return (*cls.names, re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower())


class TakeWheel(Command):
    """Take the wheel: until it is given, taken, or its holder is gone, only the holder's commands are obeyed."""

    type: Literal["TakeWheel"] = "TakeWheel"
    seconds: Positive | None = None
    """Seconds after which it is free again. By default a screen holds it until it leaves, `send` for ten minutes."""


class GiveWheel(Command):
    """Give the wheel back: all senders may steer again."""

    type: Literal["GiveWheel"] = "GiveWheel"
