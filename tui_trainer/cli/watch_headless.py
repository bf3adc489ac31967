"""Watch a script without a screen: the same host, with plain lines on standard output."""

from __future__ import annotations

import os

from tui_trainer.cli.headless import Printer
from tui_trainer.watching.spec import WatchSpec
from tui_trainer.watching.watcher import Watcher


def watch_headless(spec: WatchSpec) -> int:
    """Watch a script in this process, print what it prints, and return its exit code.

    Raises:
        UserError: the run folder cannot be made, or the script cannot be started.
    """
    watcher = Watcher(spec)
    printer = Printer(os.dup(1), show_names=False, knows_rate=False)
    watcher.bus.subscribe(printer, lambda states: None)
    watcher.after_turn = printer.write
    printer.print_now(f"{spec.name}: run directory {spec.path}")
    code = watcher.serve()
    printer.write()
    return code
