"""Labels of runs: what a person says of a run and its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.paths import new_run_name
from tui_trainer.runs.label import MONTHS, WEEKDAYS, day_and_time, label, short_name

NOW = datetime(2026, 11, 28, 20, 0)  # a Saturday


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("2026-11-28_191611_digits-cnn_d0be", "digits-cnn d0be · today 19:16"),
        ("2026-11-27_235959_digits-cnn_d0be", "digits-cnn d0be · yesterday 23:59"),
        ("2026-11-26_000000_digits-cnn_d0be", "digits-cnn d0be · Thursday 00:00"),
        ("2026-11-22_080500_digits-cnn_d0be", "digits-cnn d0be · Sunday 08:05"),
        ("2026-11-21_080500_digits-cnn_d0be", "digits-cnn d0be · 21 Nov 08:05"),
        ("2026-01-02_080500_digits-cnn_d0be", "digits-cnn d0be · 2 Jan 08:05"),
        ("2025-11-28_191611_digits-cnn_d0be", "digits-cnn d0be · 28 Nov 2025"),
        ("2026-11-29_010000_digits-cnn_d0be", "digits-cnn d0be · 29 Nov 01:00"),
        ("2026-11-28_191611_init-grid_af0c/abs-kaiming", "init-grid af0c/abs-kaiming · today 19:16"),
        ("2026-11-28_191611_my_own_preset_af0c", "my_own_preset af0c · today 19:16"),
        ("2026-13-41_191611_digits-cnn_d0be", "digits-cnn d0be"),
        ("mine", "mine"),
        ("mine/variant", "mine/variant"),
        ("2026-11-28", "2026-11-28"),
    ],
)
def test_labels(name, shown):
    assert label(name, now=NOW) == shown


def test_a_name_without_a_date_has_the_time_of_its_files():
    at = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
    local = at.astimezone()
    assert label("mine", "2026-11-28T12:30:00.000Z", local.replace(tzinfo=None)) == f"mine · today {local:%H:%M}"
    for damaged in ("", "soon", "2026-99-99T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "None"):
        assert label("mine", damaged, NOW).startswith("mine")


moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1))


@given(moments, moments)
def test_the_day_is_named_by_its_distance(at, now):
    text = day_and_time(at, now)
    days = (now.date() - at.date()).days
    first = text.split()[0]
    assert (first == "today") == (days == 0)
    assert (first == "yesterday") == (days == 1)
    assert (first in WEEKDAYS) == (2 <= days <= 6)
    assert (text.split()[-1] == str(at.year)) == (not 0 <= days <= 6 and at.year != now.year)
    assert text.endswith(f"{at:%H:%M}") or text.split()[1:] == [MONTHS[at.month - 1], str(at.year)]


@given(moments, st.integers(0, 6), st.integers(0, 86399))
def test_days_of_one_week_have_different_names(now, days, second):
    at = datetime.combine(now.date(), datetime.min.time()) - timedelta(days=days) + timedelta(seconds=second)
    others = {day_and_time(at - timedelta(days=more), now).split()[0] for more in range(1, 7 - days)}
    assert day_and_time(at, now).split()[0] not in others


@given(
    st.from_regex(r"[a-z][a-z0-9_-]{0,30}[a-z0-9]", fullmatch=True),
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)),
    st.sampled_from(["", "/relu", "/a_b_cdef"]),
)
def test_a_generated_name_keeps_its_preset_its_letters_and_its_variant(preset, at, variant):
    name = new_run_name(preset, at)
    shown = label(name + variant, now=at)
    assert shown == f"{preset} {name[-4:]}{variant} · today {at:%H:%M}"
    assert short_name(name + variant) == f"{preset} {name[-4:]}{variant}"
    assert len(shown) < len(name + variant) + 10
