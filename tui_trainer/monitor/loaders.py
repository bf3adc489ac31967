"""The loader of an epoch: its state is saved with the run, and given back where the run is resumed."""

from __future__ import annotations

from typing import Any

from tui_trainer.monitor.parts.kept import generator_of, loaded
from tui_trainer.monitor.script_run import ScriptRun


def take_loader(run: ScriptRun, loader: Any) -> Any:
    """Take in the loader of this epoch, and give it the state that it had where the run is resumed."""
    own = callable(getattr(loader, "state_dict", None)) and callable(getattr(loader, "load_state_dict", None))
    run.services.loader = loader if own else None
    resumed = run.resumed
    count_batches(run)
    run.services.loader_began = run.state.step
    run.services.generator = generator = generator_of(loader)
    if resumed is None or run.told_resumed:
        run.state.position = 0
        return loader
    drawn = resumed.tree["generator"]
    if generator is not None and drawn is not None:
        generator.set_state(drawn.cpu())
    elif generator is not None:
        resumed.missing.append("the generator of the loader was not saved")
    if run.state.position and own and resumed.tree["loader"] is not None:
        loader.load_state_dict(loaded(resumed.tree["loader"]))
    elif run.state.position:
        resumed.missing.append("the loader has no state_dict, so that the epoch begins again")
        run.state.position = 0
    say_resumed(run)
    return loader


def say_resumed(run: ScriptRun) -> None:
    """Say once how exactly the run was resumed."""
    if run.resumed is not None and not run.told_resumed:
        run.told_resumed = True
        run.events.log(run.resumed.verdict(run.services), run.state.step)


def count_batches(run: ScriptRun) -> None:
    """Take in how many batches of this loader went into each step so far."""
    taken = run.state.step - run.services.loader_began
    if taken > 0:
        run.services.batches_per_step = max(round(run.state.position / taken), 1)
