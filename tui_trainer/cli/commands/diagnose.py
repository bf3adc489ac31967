"""`tui-trainer diagnose`: list likely problems in a run's curves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui_trainer.cli.options import json_option, map_option, print_json, runs_dir_option
from tui_trainer.protocol.finding_titles import title_of
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.diagnosis.monitor import DiagnosisMonitor
    from tui_trainer.protocol.events import Diagnosed
    from tui_trainer.runs.catalog import RunInfo


@click.command(epilog="Example: tui-trainer diagnose last --json")
@click.argument("run", metavar="RUN|PATH")
@json_option
@map_option
@runs_dir_option
def command(run: str, as_json: bool, told: tuple[str, ...], runs_dir: str | None) -> int:
    """List likely problems in RUN: evidence, cause and what to do. RUN is live or finished: a name, a run directory or
    its events.jsonl. The command only reads the journal.

    The findings are sorted: act on the first one first. PATH may be the log of another program, or a folder with some:
    then the rules that need only curves are applied, and the others are named.
    """
    from tui_trainer.cli.open_logs import read_logs
    from tui_trainer.errors import UserError
    from tui_trainer.paths import expanded
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.session.logs.curve_rules import without
    from tui_trainer.session.logs.named_logs import logs_named, parse_told

    columns = parse_told(told)
    logs = logs_named(run, columns)
    if logs is not None and logs.logs:
        read = read_logs(logs, columns)
        return _report([(info, log.monitor, [], without()) for info, log in read], as_json=as_json)
    path = expanded(run)
    name = str(path.parent.absolute()) if path.name == "events.jsonl" and path.is_file() else run
    infos = find_runs(name, directory(runs_dir))
    try:
        diagnoses = [(info, *_diagnose(Path(info.path) / "events.jsonl"), "") for info in infos]
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    return _report(diagnoses, as_json=as_json)


def _report(diagnoses: list[tuple[RunInfo, DiagnosisMonitor, list[Diagnosed], str]], *, as_json: bool) -> int:
    """Print diagnoses. The last field of each says which rules were left out; empty where none was."""
    if as_json:
        print_json([_as_json(*diagnosis) for diagnosis in diagnoses])
        return 0
    for index, diagnosis in enumerate(diagnoses):
        if index:
            click.echo()
        _print(*diagnosis)
    return 0


def diagnosed(info: RunInfo) -> dict[str, Any]:
    """Return the diagnosis of a run as `--json` prints it. Raises `OSError`."""
    return _as_json(info, *_diagnose(Path(info.path) / "events.jsonl"), "")


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


def _standing(monitor: DiagnosisMonitor, without: str) -> list[Diagnosed]:
    """Return the findings; of the log of another program, those of the rules that its curves are enough for."""
    from tui_trainer.session.logs.curve_rules import CURVE_RULES

    return [finding for finding in monitor.standing() if not without or finding.finding in CURVE_RULES]


def _as_json(info: RunInfo, monitor: DiagnosisMonitor, cleared: list[Diagnosed], without: str) -> dict[str, Any]:
    fields = {
        "finding", "severity", "epoch", "step", "evidence", "numbers", "advice", "key", "title", "why", "since_step",
        "until_step", "likely_cause", "cause_step", "cause_id", "actions", "bars", "threshold", "curve",
    }  # fmt: skip
    history = monitor.course.history
    return {
        "run": info.name,
        "path": info.path,
        "status": info.status,
        "epoch": len(history.epochs),
        "step": history.step,
        "findings": [finding.model_dump(mode="json", include=fields) for finding in _standing(monitor, without)],
        "cleared": [finding.model_dump(mode="json", include={"finding", "epoch", "step"}) for finding in cleared],
        **({"left_out": without} if without else {}),
    }


def _print(info: RunInfo, monitor: DiagnosisMonitor, cleared: list[Diagnosed], without: str) -> None:
    from tui_trainer.diagnosis.findings import NO_FINDING

    history = monitor.course.history
    click.echo(visible(f"{info.name}: {info.status}, {len(history.epochs)} epochs, {history.step} steps"))
    findings = _standing(monitor, without)
    if not findings:
        click.echo(f"{NO_FINDING}. This does not prove that all is well: check the curves, too.")
    if without:
        click.echo(visible(without))
    elif not history.probes:
        click.echo("There are no step probes (training.probe_every), so the learning rate was not checked.")
    for finding in findings:
        click.echo()
        for line in _lines(finding, over=bool(history.reason)):
            click.echo(visible(line))
    if cleared:
        gone = ", ".join(f"{title_of(finding)} (epoch {finding.epoch})" for finding in cleared)
        click.echo()
        click.echo(visible(f"Found earlier, and gone since: {gone}"))


def _lines(finding: Diagnosed, *, over: bool) -> Iterator[str]:
    """Yield a finding as text: the same object that the screen shows; nothing can be undone in a run that is over."""
    from tui_trainer.ui.actions import BY_ID, shown_key

    yield f"{title_of(finding)} (since epoch {finding.epoch}, steps {finding.since_step:,} to {finding.until_step:,})"
    yield f"  evidence  {finding.evidence}"
    if finding.likely_cause:
        yield f"  cause     {finding.likely_cause}"
    yield f"  why       {finding.why}"
    actions = [action for action in finding.actions if not (over and action.action == "undo")]
    for number, action in enumerate(actions, 1):
        key = shown_key(BY_ID[action.action], {}) if action.action in BY_ID else ""
        value = f": {action.value}" if action.value else ""
        how = f"  ({key or action.action}{value})" if action.action else f"  ({action.reason})"
        yield f"  {'actions' if number == 1 else '':10}[{number}] {action.label}{how}"
