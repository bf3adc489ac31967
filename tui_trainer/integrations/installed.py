"""Imports of the libraries that have a callback here; one that is missing is said in a line."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def required(extra: str, *modules: str) -> Any:
    """Return the first of these modules that is imported already, else the first that can be.

    Args:
        extra: the extra of this package that installs the library.
        modules: names under which the library is known.

    Raises:
        ImportError: the library is not installed.
    """
    for name in modules:
        if name in sys.modules:
            return sys.modules[name]
    for name in modules:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != name.partition(".")[0]:
                raise  # the library is there; something that it needs is not
    raise ImportError(f"{modules[0]} is not installed; install it with: pip install 'tui-trainer[{extra}]'")
