"""CSV and JSON lines as other programs write them, with what can be wrong with them."""

from __future__ import annotations

import math
import os
from array import array
from pathlib import Path

import pytest

from tui_trainer.readers.columns import Names, guess_axes
from tui_trainer.readers.csv_log import read_csv
from tui_trainer.readers.find_logs import find_logs, log_at
from tui_trainer.readers.order import arrange
from tui_trainer.readers.reading import Position, Unreadable
from tui_trainer.session.logs.log_session import LogSession
from tui_trainer.state.run_state import RunState

OLD = 1_600_000_000


def opened(path: Path, text: str | bytes, told: dict[str, str] | None = None) -> RunState:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(path, (OLD, OLD))
    log = log_at(path)
    assert log is not None
    session = LogSession(log, told or {})
    session.read_all()
    return session.states[0]


def points(state: RunState, name: str) -> list[tuple[int, float]]:
    series = state.series[name]
    return list(zip(series.steps, series.values, strict=True))


@pytest.mark.parametrize(
    "text",
    [
        b"step,loss\n1,2.5\n2,1.25\n",
        b"\xef\xbb\xbfstep,loss\r\n1,2.5\r\n2,1.25\r\n",
        b"step;loss\n1;2,5\n2;1,25\n",
        b"step\tloss\n1\t2.5\n2\t1.25",
        b'"step","loss"\n"1","2.5"\n"2","1.25"\n',
        b"# a remark\n\n  Step ,  Loss \n 1 , 2.5 \n 2 , 1.25 \n",
        b"step,loss\r1,2.5\r2,1.25\r",
        b"global_step,note,train_loss\n1.0,warm,2.5\n2.0,,1.25\n",
    ],
)
def test_tables_in_many_hands(text: bytes, tmp_path: Path) -> None:
    assert points(opened(tmp_path / "t.csv", text), "train_loss") == [(1, 2.5), (2, 1.25)]


def test_gaps_are_kept_apart_from_cells_without_a_value(tmp_path: Path) -> None:
    state = opened(tmp_path / "t.csv", "step,loss,val_loss\n1,2,\n2,nan,3\n3,inf,NA\n4,1,-inf\n")
    assert points(state, "train_loss") == [(1, 2.0), (4, 1.0)]
    assert state.series["train_loss"].gaps == [(2, "nan"), (3, "inf")]
    assert points(state, "val_loss") == [(2, 3.0)]
    assert state.series["val_loss"].gaps == [(4, "-inf")]
    assert state.findings["NAN"].active


def test_epochs_alone_are_the_steps_and_end_with_their_rows(tmp_path: Path) -> None:
    state = opened(tmp_path / "k.csv", "epoch,loss,val_loss\n0,3,4\n1,2,3\n2,1,5\n")
    assert points(state, "val_loss") == [(0, 4.0), (1, 3.0), (2, 5.0)]
    assert state.epoch == 3
    assert state.best is not None
    assert (state.best.epoch, state.best.value) == (2, 3.0)


def test_the_mean_loss_of_an_epoch_is_that_of_its_rows(tmp_path: Path) -> None:
    rows = "".join(f"{step},{(step - 1) // 4 + 1},{step * 0.5}\n" for step in range(1, 13))
    state = opened(tmp_path / "e.csv", "step,epoch,loss\n" + rows)
    assert points(state, "mean_train_loss") == [(4, 1.25), (8, 3.25), (12, 5.25)]
    assert state.steps_per_epoch == 4


def test_a_restart_leaves_a_branch_and_the_later_rows_win(tmp_path: Path) -> None:
    first = "".join(f"{step},{10 + step}\n" for step in range(1, 9))
    again = "".join(f"{step},{20 + step}\n" for step in range(5, 11))
    state = opened(tmp_path / "r.csv", "step,loss\n" + first + again)
    assert points(state, "train_loss") == [(step, step + (10.0 if step < 5 else 20.0)) for step in range(1, 11)]
    [branch] = state.branches
    assert branch.curves["train_loss"].steps == [4, 5, 6, 7, 8]
    assert branch.curves["train_loss"].values == [14.0, 15.0, 16.0, 17.0, 18.0]


def test_rows_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    rows = [f"{step},{step * 2}\n" for step in range(20, 0, -1)]
    state = opened(tmp_path / "o.csv", "step,loss\n" + "".join(rows) + "7,99\n")
    assert points(state, "train_loss") == [(s, 99.0 if s == 7 else s * 2.0) for s in range(1, 21)]
    assert not state.branches


@pytest.mark.parametrize(
    ("steps", "last", "pieces"),
    [
        ([1, 2, 3], None, [(None, False)]),
        ([4, 5], 3, [(None, False)]),
        ([1, 2, 5, 3, 6], None, [([0, 1, 3, 2, 4], False)]),
        ([3, 4], 3, [([0, 1], True)]),
        ([1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 7], None, [([0, 1, 2, 3, 4, 5], False), ([6, 7, 8, 9, 10, 11], True)]),
    ],
)
def test_the_order_of_rows(steps: list[int], last: int | None, pieces: list[tuple[list[int] | None, bool]]) -> None:
    assert [(piece.rows, piece.restart) for piece in arrange(array("q", steps), last).pieces] == pieces


def test_rows_that_come_too_late_are_counted() -> None:
    arranged = arrange(array("q", [3, 11, 12]), 10)
    assert ([piece.rows for piece in arranged.pieces], arranged.late) == ([[1, 2]], 1)


def test_axes_and_roles_can_be_told(tmp_path: Path) -> None:
    state = opened(tmp_path / "m.csv", "n,err,loss\n1,5,9\n2,4,8\n", {"step": "n", "train_loss": "err"})
    assert points(state, "train_loss") == [(1, 5.0), (2, 4.0)]
    assert points(state, "loss") == [(1, 9.0), (2, 8.0)]
    assert any("step is 'n'" in line.text for line in state.log)


def test_a_column_that_was_told_and_is_missing_is_named() -> None:
    with pytest.raises(Unreadable, match="--map lr=rat: no such column; did you mean 'rate'"):
        guess_axes(["step", "rate"], {"lr": "rat"})


def test_a_table_without_a_step_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("a,b\n1,2\n")
    with pytest.raises(Unreadable, match=r"--map step=COLUMN \(columns: a, b\)"):
        read_csv(tmp_path / "n.csv", Position(), {})


def test_a_role_is_given_once_and_no_name_twice() -> None:
    names = Names({})
    assert names.add(["loss", "accuracy"]) == {"loss": "train_loss"}
    assert names.add(["train_loss", "axis/x", "seconds"]) == {}
    for column in ("train_loss", "axis/x", "seconds"):
        assert names[column] == f"log/{column}"


def test_hostile_names_are_made_visible(tmp_path: Path) -> None:
    state = opened(tmp_path / "h.csv", b"step,\x1b]0;owned\x07\n1,2\n")
    assert [name for name in state.series if name not in ("seconds", "mean_train_loss")] == ["\u241b]0;owned\u2407"]


def test_a_column_run_makes_a_run_of_each_of_its_values(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("step,loss,run\n1,2,a\n1,3,b\n2,1,a\n")
    log = log_at(path)
    assert log is not None
    session = LogSession(log, {})
    session.read_all()
    assert {state.run: points(state, "train_loss") for state in session.states} == {
        "runs/a": [(1, 2.0), (2, 1.0)],
        "runs/b": [(1, 3.0)],
    }


def test_times_of_day_become_seconds_of_the_run_and_never_fall(tmp_path: Path) -> None:
    state = opened(tmp_path / "w.csv", "Wall time,Step,Value\n1700000000,1,5\n1700000010,2,4\n1700000004,3,3\n")
    assert points(state, "seconds") == [(1, 0.0), (2, 10.0), (3, 10.0)]
    assert state.started_at.startswith("2023-11-14T22:13:20")


def test_links_in_a_circle_and_other_tables_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "b" / "metrics.csv").write_text("step,loss\n1,2\n")
    (tmp_path / "a" / "prices.csv").write_text("city,price\nBerlin,2\n")
    (tmp_path / "a" / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    assert [log.name for log in find_logs(tmp_path, {}).logs] == ["a/b"]


def test_a_file_that_is_cut_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("step,loss\n1,2\n2,1\n3,0.5\n")
    log = log_at(path)
    assert log is not None
    session = LogSession(log, {})
    session.drain()
    path.write_text("step,loss\n1,7\n")
    session._checked_at = 0.0  # pyright: ignore[reportPrivateUsage]
    session.drain()
    assert points(session.states[0], "train_loss") == [(1, 7.0)]


@pytest.mark.parametrize("rows", [257, 1000, 20_000, 60_000])
def test_a_short_log_that_is_validated_at_each_step_is_found_to_overfit(rows: int, tmp_path: Path) -> None:
    def losses(step: int) -> tuple[float, float]:
        train = math.exp(-4 * step / rows)
        return train, train + 0.1 * math.exp(1.4 * step / rows)

    table = "".join(f"{step},{losses(step)[0]},{losses(step)[1]}\n" for step in range(rows))
    state = opened(tmp_path / "t.csv", "step,train_loss,val_loss\n" + table)
    assert 128 <= state.epoch <= 257
    assert state.best is not None
    assert state.best.value == pytest.approx(min(losses(step)[1] for step in range(rows)), rel=1e-3)
    assert state.best.epoch <= state.epoch
    assert state.findings["OVERFIT"].active
