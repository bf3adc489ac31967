"""Lines as the libraries print them, and the numbers in them."""

from __future__ import annotations

import pytest

from tui_trainer.errors import UserError
from tui_trainer.watching.lines import LineStates
from tui_trainer.watching.metric_patterns import LINES as MANY
from tui_trainer.watching.metric_patterns import MetricPatterns, parse_metric
from tui_trainer.watching.patterns import read_line

LINES = [
    # tqdm
    (
        " 45%|████▌     | 45/100 [00:01<00:02, 30.05it/s, loss=0.123, acc=0.91]",
        ("tqdm", {"train_loss": 0.123, "train_accuracy": 0.91}, 45, 100, None, None),
    ),
    ("loss 2.31:  10%|#         | 10/100 [00:01<00:09,  9.8it/s]", ("tqdm", {"train_loss": 2.31}, 10, 100, None, None)),
    (
        "Epoch 2/5:  50%|█████     | 4/8 [00:00<00:00, 105.11it/s, loss=1.2e-05]",
        ("tqdm", {"train_loss": 1.2e-05}, 4, 8, 2, 5),
    ),
    ("312it [00:04, 75.1it/s, loss=0.5]", ("tqdm", {"train_loss": 0.5}, 312, None, None, None)),
    ("100%|██████████| 170M/170M [00:09<00:00, 18.1MB/s]", None),
    # Lightning
    (
        "Epoch 3: 100%|██████████| 10/10 [00:00<00:00, 98.70it/s, v_num=4, train_loss=0.412, val_loss=0.391]",
        ("tqdm", {"train_loss": 0.412, "val_loss": 0.391}, 10, 10, 3, None),
    ),
    (
        "Epoch 0:  30%|███       | 3/10 [00:00<00:00, 55.1it/s, v_num=4, train_loss_step=0.9]",
        ("tqdm", {"train_loss": 0.9}, 3, 10, 0, None),
    ),
    ("Validation DataLoader 0:  50%|#####     | 1/2 [00:00<00:00, 320.1it/s]", ("tqdm", {}, 1, 2, None, None)),
    (
        "Epoch 1/4  \u2501\u2578\u2501 41/64 0:00:01 \u2022 0:00:07 52.20it/s  train_loss: 0.065 val_loss: 0.089",
        ("rich", {"train_loss": 0.065, "val_loss": 0.089}, 41, 64, 1, 5),
    ),
    (
        "Epoch 4/4  \u2501\u2501 64/64 0:00:01 \u2022 0:00:00 5it/s train_loss: 0.5 val_loss: 0.6`Trainer.fit` ended",
        ("rich", {"train_loss": 0.5, "val_loss": 0.6}, 64, 64, 4, 5),
    ),
    ("Validation \u2501\u2501\u2501 3/64 0:00:00 \u2022 0:00:01 310.0it/s", ("rich", {}, 3, 64, None, None)),
    ("Epoch 0/-2 \u2578\u2501\u2501 0/-- 0:00:00 \u2022 -:--:-- 0.00it/s ", ("rich", {}, 0, None, 0, None)),
    # thousands
    (
        "step 3: train loss 1,234.5, val loss 12,345.25",
        ("plain", {"train_loss": 1234.5, "val_loss": 12345.25}, 3, None, None, None),
    ),
    # Keras
    ("Epoch 2/10", ("keras", {}, None, None, 2, 10)),
    (
        "\x1b[1m32/32\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m1s\x1b[0m 5ms/step"
        " - accuracy: 0.5312 - loss: 0.6911 - val_accuracy: 0.6000 - val_loss: 0.6504",
        (
            "keras",
            {"train_accuracy": 0.5312, "train_loss": 0.6911, "val_accuracy": 0.6, "val_loss": 0.6504},
            32,
            32,
            None,
            None,
        ),
    ),
    (
        " 7/32 [=====>........................] - ETA: 0s - loss: 0.7002 - accuracy: 0.48",
        ("keras", {"train_loss": 0.7002, "train_accuracy": 0.48}, 7, 32, None, None),
    ),
    ("32/32 - 0s - 3ms/step - loss: 0.6877", ("keras", {"train_loss": 0.6877}, 32, 32, None, None)),
    (
        "32/32 [==============================] - 1s 5ms/step - loss: 0.69 - val_loss: 0.66",
        ("keras", {"train_loss": 0.69, "val_loss": 0.66}, 32, 32, None, None),
    ),
    # Hugging Face
    (
        "{'loss': 2.4312, 'grad_norm': 1.25, 'learning_rate': 4.5e-05, 'epoch': 0.5}",
        ("hugging-face", {"train_loss": 2.4312, "grad_norm": 1.25, "lr": 4.5e-05}, None, None, 0.5, None),
    ),
    (
        "{'loss': '2.431', 'grad_norm': '1.25', 'learning_rate': '4.5e-05', 'epoch': '1'}",
        ("hugging-face", {"train_loss": 2.431, "grad_norm": 1.25, "lr": 4.5e-05}, None, None, 1.0, None),
    ),
    (
        "{'eval_loss': 0.41, 'eval_accuracy': 0.9, 'eval_runtime': 0.3, 'eval_samples_per_second': 30.1, 'epoch': 2.0}",
        ("hugging-face", {"val_loss": 0.41, "val_accuracy": 0.9}, None, None, 2.0, None),
    ),
    (
        "{'train_runtime': 9.1, 'train_samples_per_second': 30.1, 'train_loss': 0.6, 'epoch': 3.0}",
        ("hugging-face", {}, None, None, 3.0, None),
    ),
    # words
    (
        "step 250: train loss 2.4613, val loss 2.4877",
        ("plain", {"train_loss": 2.4613, "val_loss": 2.4877}, 250, None, None, None),
    ),
    ("iter 100: loss 2.31, time 12.5ms", ("plain", {"train_loss": 2.31}, 100, None, None, None)),
    ("[Epoch 3/20] loss=nan acc: 97.5%", ("plain", None, None, None, 3, 20)),
    ("epoch 4 | validation loss: 0.25", ("plain", {"val_loss": 0.25}, None, None, 4, None)),
    ("loading the losses of 2019", None),
    ("http://localhost:6006/", None),
    ("", None),
]


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line[:30] for line, _ in LINES])
def test_lines_of_the_libraries(line: str, expected: tuple[object, ...] | None) -> None:
    read = read_line(line)
    if expected is None:
        assert read is None or not read.values
        return
    assert read is not None
    name, values, *rest = expected
    assert (read.format, read.step, read.steps, read.epoch, read.epochs) == (name, *rest)
    if values is not None:
        assert read.values == pytest.approx(values)
    else:
        assert read.values["train_loss"] != read.values["train_loss"]
        assert read.values["train_accuracy"] == 0.975


def test_patterns_of_the_user() -> None:
    metrics = [parse_metric("loss=obj ([0-9.e+-]+)"), parse_metric("reward/mean=R=([^ ]+)")]
    read = read_line("update 7 obj 1.5e-1 R=-12", metrics)
    assert read is not None
    assert (read.values, read.step) == ({"train_loss": 0.15, "reward/mean": -12.0}, 7)
    assert read_line("obj none", metrics) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loss", "write NAME=REGEX"),
        ("=x(.)", "write NAME=REGEX"),
        ("loss=loss: [0-9]+", "in parentheses"),
        ("loss=loss: ([0-9]+", "wrong at character"),
        ("a//b=(.)", "empty part beside a slash"),
        ("a\x07b=(.)", "printable text"),
    ],
)
def test_bad_patterns_say_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_metric(text)


def test_a_pattern_that_finds_nothing_is_told_once() -> None:
    said: list[str] = []
    metrics = MetricPatterns(
        ["loss=obj ([a-z]+)", "reward=R=([0-9]+)", "never=N=([0-9]+)", "late=L=([0-9]+)"], said.append
    )

    def read(line: str) -> None:
        read_line(line, metrics.all)
        metrics.line_read()

    read("update 1 obj none R=5")
    assert said == ["--metric 'loss=obj ([a-z]+)': matched 'none', which is no number"]
    for _ in range(MANY - 2):
        read("update 2 obj none R=5")
    assert len(said) == 1
    read("R=x L=3")
    assert said[1:] == [f"--metric 'never=N=([0-9]+)': no match in the first {MANY} lines"]
    metrics.end()
    assert len(said) == 2


def test_a_pattern_that_no_line_matched_is_told_at_the_end() -> None:
    said: list[str] = []
    MetricPatterns(["reward=R=([0-9]+)"], said.append).end()
    assert said == ["--metric 'reward=R=([0-9]+)': no match in the output"]


def test_a_bar_is_read_state_by_state_and_none_twice() -> None:
    lines = LineStates()
    assert lines.add(b"\r 1%|# | 1/100 [00:00<00:01, loss=0.1") == []
    assert lines.add(b"2]") == [" 1%|# | 1/100 [00:00<00:01, loss=0.12]"]
    assert lines.add(b"\r 2%|# | 2/100 [00:00<00:01, loss=0.11]\rdone") == [
        " 2%|# | 2/100 [00:00<00:01, loss=0.11]",
    ]
    assert lines.add(b"\n1/4 - loss: 0.5\x08\x08\x082/4 - loss: 0.4\n") == [
        "done", "1/4 - loss: 0.5", "2/4 - loss: 0.4",
    ]  # fmt: skip
    assert lines.add(b"no end") == []
    assert lines.last() == ["no end"]
