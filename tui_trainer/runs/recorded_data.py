"""The data that about.json says a run was trained on, compared with the data of now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError


class RecordedData(BaseModel):
    """The fingerprint of the data of a run, as about.json holds it."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    name: str
    """The file, the function, or the kind of the data set."""
    own: bool
    """Whether the data are the user's own: a file or a function, which can change."""
    count: int
    unit: str
    """Unit of `count`: rows, characters or samples."""
    size: int
    """Bytes of the file or of the samples."""
    hash: str

    def change(self, now: RecordedData) -> str:
        """Return what changed since, in words; empty where the data are the same."""
        if self.hash == now.hash:
            return ""
        if self.count != now.count or self.unit != now.unit:
            numbers = f"{self.count:,} {self.unit} then, {now.count:,} {now.unit} now"
        else:
            sizes = f"{self.size:,} bytes" if self.size == now.size else f"{self.size:,} bytes then, {now.size:,} now"
            numbers = f"{self.count:,} {self.unit} then and now, other contents ({sizes})"
        moved = f" ({self.name!r} then)" if self.name != now.name else ""
        return f"the data {now.name!r}{moved} changed since: {numbers}"


def recorded_data(about: Mapping[str, Any]) -> list[RecordedData]:
    """Return the data of each start of a run, oldest first; empty for a run that was recorded without."""
    resumed = about.get("resumed")
    starts = [about, *(resumed if isinstance(resumed, list) else [])]
    found: list[RecordedData] = []
    for start in starts:
        try:
            found.append(RecordedData.model_validate(start.get("data")))
        except (ValidationError, AttributeError):
            continue
    return found


def changes(recorded: list[RecordedData], now: RecordedData | None) -> list[str]:
    """Return how the data of now differ from those of any start of a run."""
    return list(dict.fromkeys(text for one in recorded if now is not None and (text := one.change(now))))
