"""Read local files up to a size limit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tui_trainer.errors import UserError

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalText:
    """A file: its text with unchanged line ends, and its bytes."""

    text: str
    content: bytes


def read_text(path: str, limit: int) -> LocalText:
    """Return a UTF-8 file of at most `limit` bytes.

    Raises:
        UserError: there is no such file; it cannot be read; it is too large; it is not UTF-8.
    """
    content = read_bytes(path, limit)
    try:
        return LocalText(content.decode("utf-8-sig"), content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"data.path = {path!r} is not UTF-8: byte {error.start:,} in line {line:,} is 0x{content[error.start]:02x}"
        ) from None


def read_bytes(path: str, limit: int) -> bytes:
    """Return the content of a file of at most `limit` bytes.

    Raises:
        UserError: there is no such file; it cannot be read; it is too large.
    """
    try:
        file = Path(path).expanduser()
        if not file.exists():
            raise UserError(f"data.path = {path!r}: no such file (looked in {str(file.absolute().parent)!r})")
        if not file.is_file():
            raise UserError(f"data.path = {path!r} is not a file")
        with file.open("rb") as stream:
            content = stream.read(limit + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"data.path = {path!r} cannot be read: {reason}") from None
    if len(content) > limit:
        raise UserError(f"data.path = {path!r} is larger than {limit // MEGABYTE} MB, the most that is read at once")
    return content
