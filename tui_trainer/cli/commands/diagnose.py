"""`tui-trainer diagnose`: what a run's curves show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui_trainer.cli.options import json_option, print_json, runs_dir_option
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.diagnosis.monitor import DiagnosisMonitor
    from tui_trainer.protocol.events import Diagnosed
    from tui_trainer.runs.catalog import RunInfo


@click.command(epilog="Example: tui-trainer diagnose last --json")
@click.argument("run", metavar="RUN|PATH")
@json_option
@runs_dir_option
def command(run: str, as_json: bool, runs_dir: str | None) -> int:
    """What the rules see in RUN, a folder or its events.jsonl, live or finished: the journal is read, nothing more.

    The findings stand in the order of decision: the first is the one to act on.
    """
    from tui_trainer.errors import UserError
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs

    name = str(Path(run).parent) if Path(run).name == "events.jsonl" and Path(run).is_file() else run
    infos = find_runs(f"{name}/" if Path(name).is_dir() else name, directory(runs_dir))
    try:
        read = [(info, *_read(Path(info.path) / "events.jsonl")) for info in infos]
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        print_json([_as_json(*one) for one in read])
        return 0
    for place, (info, observer, gone) in enumerate(read):
        if place:
            click.echo()
        _print(info, observer, gone)
    return 0


def _read(journal: Path) -> tuple[DiagnosisMonitor, list[Diagnosed]]:
    """The diagnosis of a journal, as it stands at its end, and what was found on the way and held no longer."""
    from tui_trainer.diagnosis.monitor import DiagnosisMonitor
    from tui_trainer.protocol.events import RunStarted
    from tui_trainer.runs.journal import read_events

    observer = DiagnosisMonitor()
    gone: dict[str, Diagnosed] = {}
    for event in read_events(journal):
        if isinstance(event, RunStarted) and event.step == 0:
            gone.clear()
        for said in observer.take(event):
            gone.pop(said.finding, None)
            if not said.active:
                gone[said.finding] = said
    return observer, list(gone.values())


def _as_json(info: RunInfo, observer: DiagnosisMonitor, gone: list[Diagnosed]) -> dict[str, Any]:
    fields = {"finding", "severity", "epoch", "step", "evidence", "numbers", "advice", "key"}
    history = observer.course.history
    return {
        "run": info.name,
        "path": info.path,
        "status": info.status,
        "epoch": len(history.epochs),
        "step": history.step,
        "findings": [said.model_dump(mode="json", include=fields) for said in observer.standing()],
        "cleared": [said.model_dump(mode="json", include={"finding", "epoch", "step"}) for said in gone],
    }


def _print(info: RunInfo, observer: DiagnosisMonitor, gone: list[Diagnosed]) -> None:
    from tui_trainer.diagnosis.findings import HEADLINES, NO_FINDING

    history = observer.course.history
    click.echo(visible(f"{info.name}: {info.status}, {len(history.epochs)} epochs, {history.step} steps"))
    standing = observer.standing()
    if not standing:
        click.echo(f"{NO_FINDING}. That is no proof that all is well: look at the curves.")
    if not history.probes:
        click.echo("Its steps were not probed (training.probe_every): the rules about the rate had nothing to go by.")
    for said in standing:
        click.echo(f"\n{said.finding}: {HEADLINES[said.finding]} (since epoch {said.epoch})")
        click.echo(visible(f"  evidence  {said.evidence}"))
        click.echo(visible(f"  advice    {said.advice}"))
        if said.key:
            click.echo(f"  keys      {said.key}")
    if gone:
        click.echo("\nbefore, and no longer: " + ", ".join(f"{said.finding} (epoch {said.epoch})" for said in gone))
