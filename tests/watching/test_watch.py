"""Scripts that are not edited: steps, rates and losses are recorded, they are steered, and their ends are known."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from torch import nn

from tests.watching.conftest import Watched
from tui_trainer.config.toml import read_toml
from tui_trainer.runs.history import RunHistory
from tui_trainer.runs.journal import Follower
from tui_trainer.state.run_state import RunState

Watch = Callable[..., Watched]
Write = Callable[..., str]

TRAINS = """
import os, sys, torch
from torch import nn
torch.manual_seed(0)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
x = torch.randn(16, 4)
y = x.sum(1, keepdim=True)
sys.stdin.read()
assert not [name for name in ("tui_trainer.monitor",) if name in sys.modules]
for step in range(int(sys.argv[1])):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    print(f"step {step}: loss {loss.item():.6f}", flush=True)
    while os.path.exists(sys.argv[2]) and step == 2:
        pass
print("trained on", os.isatty(1))
"""

ENDLESS = TRAINS.replace("int(sys.argv[1])", "10**9").replace("schedule.step()", "import time; time.sleep(0.01)")


def test_steps_rates_norms_and_losses_with_no_line_changed(watch: Watch, script: Write) -> None:
    run = watch(sys.executable, script(TRAINS), "5", "none", options=["--name", "plain"])
    code, output = run.end()
    assert code == 0, output
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(16, 4)
    norms: list[float] = []
    for step in range(5):
        optimizer.param_groups[0]["lr"] = 0.1 * 0.5 ** (step // 2)
        loss = nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1e9)))
        optimizer.step()
    assert run.series("lr") == pytest.approx({1: 0.1, 2: 0.1, 3: 0.05, 4: 0.05, 5: 0.025})
    assert list(run.series("grad_norm").values()) == pytest.approx(norms, rel=1e-5)
    assert set(run.series("train_loss").values()) <= {
        float(line.split()[-1]) for line in output.splitlines() if line.startswith("step ")
    }
    assert run.series("train_loss")
    assert "trained on True" in run.printed()
    finished = run.events("RunFinished")
    assert [(end["reason"], end["step"], end["exit_code"]) for end in finished] == [("completed", 5, 0)]
    table = read_toml(run.path / "run.toml")
    assert (table["kind"], table["script"]["command"][0]) == ("script", sys.executable)
    assert any("standard input is at its end" in line for event in run.events("Logged") for line in event["lines"])


@pytest.mark.long
def test_commands_are_obeyed_at_a_step(watch: Watch, script: Write) -> None:
    run = watch(sys.executable, script(ENDLESS), "0", "none")
    run.until(lambda: run.series("lr"))
    assert run.send("pause")["status"] == "paused"
    step = run.send("set-lr", "value=0.003")["step"]
    assert run.send("set-knob", "name=a", "value=1")["reason"].startswith("the script was not changed")
    assert run.send("resume")["status"] == "running"
    run.until(lambda: max(run.series("lr")) > step + 3)
    rates = run.series("lr")
    assert {rate for at, rate in rates.items() if at > step} == {0.003}
    assert {rate for at, rate in rates.items() if at <= step} == {0.1}
    assert run.send("set-clip", "value=0.5")["name"] == "clip_grad_norm"
    assert run.send("undo")["type"] == "RolledBack"
    assert run.send("stop")["status"] == "stopping"
    code, output = run.end()
    assert "KeyboardInterrupt" in output
    finished = run.events("RunFinished")[-1]
    assert (finished["reason"], finished["exit_code"]) == ("stopped", code)
    assert code in (1, 130)


PRINTS_FIRST = """
import sys, torch
for batch in range(30):
    print(f"baseline loss: {9 + batch}", flush=True)
while not sys.argv[1] or not __import__("os").path.exists(sys.argv[1]):
    pass
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(5):
    loss = model(torch.ones(2, 4)).square().mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    print(f"loss: 0.{step + 1}", flush=True)
"""


def test_what_is_printed_before_the_first_step_is_no_step(watch: Watch, script: Write, tmp_path: Path) -> None:
    run = watch(sys.executable, script(PRINTS_FIRST), str(tmp_path / "go"), options=["--name", "late"])
    run.until(lambda: len(run.series("train_loss")) == 30)
    (tmp_path / "go").touch()
    code, output = run.end()
    assert code == 0, output
    state = RunState.blank()
    history = RunHistory()
    for event in Follower(run.path / "events.jsonl").all():
        state.apply(event)
        history.add(event)
    assert (state.step, state.epoch) == (5, 0)
    series = state.series["train_loss"]
    assert max(series.steps) <= 5
    assert max(series.values) < 1
    losses = [row["train_loss"] for row in history.rows.values() if "train_loss" in row]
    assert losses
    assert max(losses) < 1
    assert history.last_step <= 5


LEAVES_LATE = """
import atexit, time, torch
atexit.register(lambda: (print("tidied", flush=True)))
atexit.register(time.sleep, 15)  # as long as clearing away the modules takes on a busy machine
weight = torch.nn.Parameter(torch.ones(2))
optimizer = torch.optim.SGD([weight], lr=0.1)
while True:
    optimizer.zero_grad(); weight.sum().backward(); optimizer.step(); time.sleep(0.01)
"""


@pytest.mark.long
def test_a_script_on_its_way_out_is_not_hurried(watch: Watch, script: Write) -> None:
    run = watch(sys.executable, script(LEAVES_LATE))
    run.until(lambda: run.series("lr"))
    assert run.send("stop", "when=batch")["status"] == "stopping"
    code, output = run.end()
    assert "tidied" in output
    assert "SIGTERM" not in output
    assert code in (1, 130)


FORKS = """
import multiprocessing, sys
def train(rank):
    import torch
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=0.1 * (rank + 1))
    for _ in range(3):
        optimizer.zero_grad()
        weight.sum().backward()
        optimizer.step()
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    for rank in range(2):
        process = context.Process(target=train, args=(rank,))
        process.start()
        process.join()
    print("epoch 1: val loss 0.5")
"""


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.long)])
def test_the_first_process_that_steps_is_the_run(watch: Watch, script: Write, method: str) -> None:
    run = watch(sys.executable, script(FORKS), method)
    code, output = run.end()
    assert code == 0, output
    assert run.series("lr") == pytest.approx({1: 0.1, 2: 0.1, 3: 0.1})
    assert [event["step"] for event in run.events("RunFinished")] == [3]
    refused = run.events("Capabilities")[-1]["refused"]
    assert "not found in the process" in refused["Undo"]


BARS = """
import sys, torch, time
model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(2):
    for batch in range(1, 4):
        loss = model(torch.randn(8, 2)).square().mean()
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        bar = f"Epoch {epoch}: {33 * batch}%|#  | {batch}/3 [00:00<00:00, 9.1it/s, loss={epoch}.{batch}]"
        sys.stdout.write("\\r" + bar); sys.stdout.flush(); time.sleep(0.3)
    print(f"\\nepoch {epoch}/2: val loss 0.{5 - epoch}", flush=True); time.sleep(0.3)
"""


@pytest.mark.long
def test_bars_tell_lengths_and_epochs_of_a_run_with_steps(watch: Watch, script: Write) -> None:
    run = watch(sys.executable, script(BARS))
    code, output = run.end()
    assert code == 0, output
    assert list(run.series("train_loss").values()) == [0.1, 0.2, 0.3, 1.1, 1.2, 1.3]
    told = run.events("Capabilities")[-1]
    assert (told["epochs"], told["steps_per_epoch"]) == (2, 3)
    assert "SaveCheckpoint" not in told["refused"]
    ended = run.events("EpochEnded")
    assert [(each["epoch"], each["metrics"]["val_loss"]) for each in ended] == [(1, 0.5), (2, 0.4)]
    assert run.events("RunStarted")[-1]["model"] == "Sequential"


SHELL = """
for i in 1 2 3; do
  echo "epoch $i/3 loss: 0.$((9 - i)) R=$i"
  echo "  val loss 0.$((8 - i))"
done
echo 'broken' >&2
exit 7
"""


def test_a_program_that_is_not_python_is_read(watch: Watch) -> None:
    rule = "when loss > 9: pause"
    run = watch("sh", "-c", SHELL, options=["--metric", "reward=R=([0-9]+)", "--guard", rule])
    code, output = run.end()
    assert "epoch 3/3  val_loss" in output or "epoch 3/3  train_loss" in output, output
    assert " lr 0" not in output
    assert any("guards are armed with that step" in line for event in run.events("Logged") for line in event["lines"])
    assert code == 7
    assert run.series("train_loss") == {1: 0.8, 2: 0.7, 3: 0.6}
    assert run.series("reward") == {1: 1.0, 2: 2.0, 3: 3.0}
    assert "epoch 3/3 loss: 0.6 R=3" in output
    finished = run.events("RunFinished")[0]
    assert (finished["reason"], finished["exit_code"]) == ("failed", 7)
    assert finished["detail"] == "the script ended with exit code 7: broken"
    refused = run.events("Capabilities")[0]["refused"]
    assert "only its output is read" in refused["Pause"]


def test_python_that_takes_no_hooks_is_read(watch: Watch, script: Write) -> None:
    run = watch(sys.executable, "-I", script("import sys; print('step 4 loss: 0.25'); sys.exit(3)"))
    assert run.end()[0] == 3
    assert run.series("train_loss") == {4: 0.25}


def test_a_script_that_asks_is_told_that_it_has_no_standard_input(watch: Watch, script: Write) -> None:
    run = watch(sys.executable, script("input('Name? ')"))
    assert run.end()[0] == 1
    detail = run.events("RunFinished")[0]["detail"]
    assert "EOFError" in detail
    assert "no standard input" in detail


CHAINED = "import sys; print('chained', 'shim' in ''.join(sys.path), sys.modules['sitecustomize'].MARK)"


def test_a_sitecustomize_that_is_there_still_runs(watch: Watch, script: Write, tmp_path: object) -> None:
    folder = str(tmp_path)
    with open(f"{folder}/sitecustomize.py", "w") as file:
        file.write("MARK = 'mine'\n")
    run = watch(sys.executable, script(CHAINED), PYTHONPATH=f"{folder}:{os.environ.get('PYTHONPATH', '')}")
    assert run.end()[0] == 0
    assert "chained False mine" in run.printed()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 143), (signal.SIGINT, 130)])
def test_ending_watch_ends_the_script_and_journals_it(watch: Watch, number: signal.Signals, code: int) -> None:
    run = watch("sh", "-c", "echo loss: 0.5; sleep 1000 & wait")
    run.until(lambda: run.series("train_loss"))
    children = psutil.Process(run.process.pid).children(recursive=True)
    os.kill(run.process.pid, number)
    assert run.end()[0] == code
    _, alive = psutil.wait_procs(children, 60)
    assert not alive
    finished = run.events("RunFinished")[0]
    assert (finished["reason"], finished["exit_code"]) == ("interrupted", code)


def test_a_script_that_is_killed_is_failed(watch: Watch) -> None:
    run = watch("sh", "-c", "echo loss: 0.5; exec sleep 1000")
    run.until(lambda: run.series("train_loss"))
    [child] = psutil.Process(run.process.pid).children()
    child.kill()
    assert run.end()[0] == 137
    finished = run.events("RunFinished")[0]
    assert (finished["detail"], finished["metrics"]) == ("the script was killed by SIGKILL", {"train_loss": 0.5})


def test_a_watch_that_is_killed_hangs_the_script_up(watch: Watch) -> None:
    run = watch("sh", "-c", "echo loss: 0.5; exec sleep 1000")
    run.until(lambda: run.series("train_loss"))
    children = psutil.Process(run.process.pid).children(recursive=True)
    run.process.kill()
    _, alive = psutil.wait_procs(children, 60)
    assert not alive, [Path(f"/proc/{each.pid}/status").read_text() for each in (*alive, run.process)]


def test_a_script_whose_terminal_stays_open_is_hung_up_too(watch: Watch, script: Write, tmp_path: Path) -> None:
    """The other end of its terminal is held by a second process, as a thread that waits for a disk would hold it."""
    holder = f"""
import os, subprocess, sys
from tui_trainer.cli.main import main
from tui_trainer.watching import child
openpty = child.pty.openpty
def held():
    master, slave = openpty()
    holding = subprocess.Popen(["sleep", "100"], pass_fds=[master], start_new_session=True)
    open({str(tmp_path / "holder")!r}, "w").write(str(holding.pid))
    return master, slave
child.pty.openpty = held
main()
"""
    run = watch("sh", "-c", "echo loss: 0.5; exec sleep 1000", program=(sys.executable, script(holder, "holder.py")))
    run.until(lambda: run.series("train_loss"))
    holding = psutil.Process(int((tmp_path / "holder").read_text()))
    try:
        children = [each for each in psutil.Process(run.process.pid).children() if each != holding]
        assert children
        run.process.kill()
        _, alive = psutil.wait_procs(children, 60)
        assert not alive
    finally:
        holding.kill()


OWN_MONITOR = """
import torch
from tui_trainer import Monitor
model = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with Monitor("own", model=model, optimizer=optimizer, config={"width": 2}, quiet=True) as monitor:
    monitor.knob("tau", get=lambda: 1.0, set=print)
    for step in monitor.steps(4):
        loss = model(torch.ones(1, 2)).square().mean()
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        monitor.log(loss=loss)
        print("loss: 77.0 R=5", flush=True)
        import time; time.sleep(0.05)
"""


POISONED = """
import math, torch
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for step in range(6):
    optimizer.zero_grad()
    model(torch.full((2, 4), math.nan if step == 3 else 1.0)).square().mean().backward()
    optimizer.step()
    print("finite", all(bool(each.isfinite().all()) for each in model.parameters()), flush=True)
"""


def test_a_guard_skips_a_step_of_a_script_that_was_not_edited(watch: Watch, script: Write) -> None:
    run = watch(sys.executable, script(POISONED), options=["--guard", "when grad_norm is not finite: skip the step"])
    code, output = run.end()
    assert code == 0, output
    assert output.count("finite True") == 6
    (skipped,) = run.events("StepSkipped")
    assert (skipped["step"], skipped["cause"]["by"]) == (3, "guard")
    assert run.series("grad_norm")[4] is None


@pytest.mark.long
def test_a_script_with_a_monitor_is_fed(watch: Watch, script: Write) -> None:
    run = watch(sys.executable, script(OWN_MONITOR), options=["--metric", "reward=R=([0-9]+)"], PYTHONPATH=os.getcwd())
    code, output = run.end()
    assert code == 0, output
    assert len(list(run.runs.iterdir())) == 1
    assert sorted(run.series("train_loss")) == [1, 2, 3, 4]
    assert 77.0 not in run.series("train_loss").values()
    assert set(run.series("reward").values()) == {5.0}
    assert read_toml(run.path / "run.toml")["config"] == {"width": 2}
    assert run.events("Capabilities")[-1]["knobs"][0]["name"] == "tau"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "write the command after --"),
        (["no-such-program"], "is not a program"),
        (["--metric", "loss=x", "--", "true"], "in parentheses"),
        (["--headless", "--detach", "--", "true"], "exclude each other"),
        (["--guard", "when loss > 9: skp the step", "--", "true"], "--guard: "),
    ],
)
def test_bad_input_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    from tui_trainer.cli.main import main

    assert main(["watch", *words]) == 2
    assert message in capsys.readouterr().err
