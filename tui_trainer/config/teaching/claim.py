"""A claim of a lesson, written in TOML: a number of its runs, alone or beside another, and what it may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tui_trainer.components.base import Real
from tui_trainer.errors import UserError, did_you_mean

_MEASURE = re.compile(r"(?:(?P<run>[A-Za-z0-9][\w-]*)\.)?(?P<metric>[A-Za-z_][\w./-]*)@(?P<at>best|-?\d+)")
MEANT = "[RUN.]METRIC@EPOCH, for example high.train_loss@-1 or val_accuracy@best"


@dataclass(frozen=True, slots=True)
class RunNumber:
    """A number of one run.

    Attributes:
        run: the variant; empty for a lesson with a single run.
        metric: such as train_loss.
        at: the epoch, 1 the first and -1 the last; None for the best of all epochs.
    """

    run: str
    metric: str
    at: int | None


def parse_measure(text: str) -> RunNumber:
    """Parse `[RUN.]METRIC@EPOCH`. Raises `ValueError` where it is none."""
    found = _MEASURE.fullmatch(text)
    if found is None:
        raise ValueError(f"write {MEANT}")
    at = None if found["at"] == "best" else int(found["at"])
    if at == 0:
        raise ValueError("epochs count from 1, or from -1 for the last; 0 is none")
    return RunNumber(found["run"] or "", found["metric"], at)


class Claim(BaseModel):
    """A measured number with its bound; `over` divides it, `less` subtracts."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    row: str = ""
    """The row that it belongs to; the first one of the lesson where it is empty."""
    claim: Annotated[str, Field(min_length=1, max_length=300)]
    """The measured quantity, in words."""
    key: Annotated[str, Field(pattern=r"^([a-z][\w-]*)?$")] = ""
    """The name by which texts quote it, as in `{S29:power}`."""
    left: str
    """The number: `[RUN.]METRIC@EPOCH`."""
    over: str = ""
    """Another number, which divides the first."""
    less: str = ""
    """Another number, which is subtracted from the first."""
    at_least: Real | None = None
    at_most: Real | None = None
    exactly: Real | None = None
    of: Literal["each", "mean"] = "each"
    """Whether it must hold for every seed, or for the mean over the seeds."""
    kind: Literal["measured", "exact", "by construction"] = "measured"

    @field_validator("left", "over", "less")
    @classmethod
    def _measures(cls, text: str) -> str:
        if text:
            parse_measure(text)
        return text

    @model_validator(mode="after")
    def _bounded(self) -> Claim:
        if self.over and self.less:
            raise ValueError("give either over or less, not both")
        if self.exactly is None and self.at_least is None and self.at_most is None:
            raise ValueError("a claim needs a bound that can fail: at_least, at_most or exactly")
        if self.exactly is not None and (self.at_least is not None or self.at_most is not None):
            raise ValueError("exactly stands alone, without at_least and at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least = {self.at_least:g} is above at_most = {self.at_most:g}: nothing would hold")
        return self

    def check_runs(self, variants: Sequence[str], source: str) -> None:
        """Check that the named runs are variants of the lesson. Raises `UserError` for one that is none."""
        for name in ("left", "over", "less"):
            text = str(getattr(self, name))
            if not text:
                continue
            run = parse_measure(text).run
            if run in variants:
                continue
            named = [variant for variant in variants if variant]
            if not named:
                raise UserError(f"{source}.{name}: {text!r}: the lesson has a single run, without a name; leave it out")
            if not run:
                raise UserError(f"{source}.{name}: {text!r}: name the run: {', '.join(named)}")
            raise UserError(f"{source}.{name}: {text!r}: no run {run!r}; {did_you_mean(run, named)}")
