"""`tui-trainer diagnose`: list likely problems in a run's curves."""

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
    """List likely problems in RUN with evidence, advice and keys. RUN is live or finished: a name, a run directory or
    its events.jsonl. The command only reads the journal.

    The findings are sorted: act on the first one first.
    """
    from tui_trainer.errors import UserError
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs

    name = str(Path(run).parent) if Path(run).name == "events.jsonl" and Path(run).is_file() else run
    infos = find_runs(f"{name}/" if Path(name).is_dir() else name, directory(runs_dir))
    try:
        diagnoses = [(info, *_diagnose(Path(info.path) / "events.jsonl")) for info in infos]
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        print_json([_as_json(*diagnosis) for diagnosis in diagnoses])
        return 0
    for index, (info, monitor, cleared) in enumerate(diagnoses):
        if index:
            click.echo()
        _print(info, monitor, cleared)
    return 0


def _diagnose(journal: Path) -> tuple[DiagnosisMonitor, list[Diagnosed]]:
    """Return the diagnosis at the end of a journal, and the findings that were cleared earlier."""
    from tui_trainer.diagnosis.monitor import DiagnosisMonitor
    from tui_trainer.protocol.events import RunStarted
    from tui_trainer.runs.journal import read_events

    monitor = DiagnosisMonitor()
    cleared: dict[str, Diagnosed] = {}
    for event in read_events(journal):
        if isinstance(event, RunStarted) and event.step == 0:
            cleared.clear()
        for finding in monitor.take(event):
            cleared.pop(finding.finding, None)
            if not finding.active:
                cleared[finding.finding] = finding
    return monitor, list(cleared.values())


def _as_json(info: RunInfo, monitor: DiagnosisMonitor, cleared: list[Diagnosed]) -> dict[str, Any]:
    fields = {"finding", "severity", "epoch", "step", "evidence", "numbers", "advice", "key"}
    history = monitor.course.history
    return {
        "run": info.name,
        "path": info.path,
        "status": info.status,
        "epoch": len(history.epochs),
        "step": history.step,
        "findings": [finding.model_dump(mode="json", include=fields) for finding in monitor.standing()],
        "cleared": [finding.model_dump(mode="json", include={"finding", "epoch", "step"}) for finding in cleared],
    }


def _print(info: RunInfo, monitor: DiagnosisMonitor, cleared: list[Diagnosed]) -> None:
    from tui_trainer.diagnosis.findings import HEADLINES, NO_FINDING

    history = monitor.course.history
    click.echo(visible(f"{info.name}: {info.status}, {len(history.epochs)} epochs, {history.step} steps"))
    findings = monitor.standing()
    if not findings:
        click.echo(f"{NO_FINDING}. This does not prove that all is well: check the curves, too.")
    if not history.probes:
        click.echo("There are no step probes (training.probe_every), so the learning rate was not checked.")
    for finding in findings:
        click.echo(f"\n{finding.finding}: {HEADLINES[finding.finding]} (since epoch {finding.epoch})")
        click.echo(visible(f"  evidence  {finding.evidence}"))
        click.echo(visible(f"  advice    {finding.advice}"))
        if finding.key:
            click.echo(f"  keys      {finding.key}")
    if cleared:
        click.echo("\nresolved: " + ", ".join(f"{finding.finding} (epoch {finding.epoch})" for finding in cleared))
