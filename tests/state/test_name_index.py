"""Names by their beginning."""

from __future__ import annotations

from tui_trainer.state.name_index import MAX_KNOWN, names_starting_with
from tui_trainer.state.series import Series


def test_names_are_found_again_when_there_are_more() -> None:
    series = {name: Series() for name in ("val_loss", "lr", "val_f1")}
    assert names_starting_with(series, "val_") == ("val_loss", "val_f1")
    assert names_starting_with(dict.fromkeys(("val_r2",), Series()), "val_") == ("val_r2",)
    series["val_r2"] = Series()
    assert names_starting_with(series, "val_") == ("val_loss", "val_f1", "val_r2")


def test_many_runs_do_not_confuse_each_other() -> None:
    runs = [{f"val_{index}": Series()} for index in range(2 * MAX_KNOWN)]
    for _ in range(2):
        assert [names_starting_with(run, "val_") for run in runs] == [(f"val_{k}",) for k in range(len(runs))]
