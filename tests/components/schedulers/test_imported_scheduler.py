"""A scheduler by import path: sampled from torch, exact in training, drawn by viewers without torch."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.schedulers import Clock, Constant, ImportedScheduler, LrPlan, SampledCurve
from tui_trainer.config.trust import check_trust, imports
from tui_trainer.errors import UserError
from tui_trainer.optim.imported_scheduler import sampled_plan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState

HERE = "tests.components.schedulers.test_imported_scheduler"
TORCH = "torch.optim.lr_scheduler"


def saw(optimizer: torch.optim.Optimizer, period: int = 3) -> torch.optim.lr_scheduler.LRScheduler:
    """A scheduler that torch does not have."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda count: 1 / (1 + count % period))


def noisy(optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: torch.rand(()).item())


class Own:
    """Not a subclass of torch's: it only sets the learning rate."""

    def __init__(self, optimizer: torch.optim.Optimizer, rates: list[float]) -> None:
        self._optimizer, self._rates, self._count = optimizer, rates, 0
        self._set()

    def _set(self) -> None:
        self._optimizer.param_groups[0]["lr"] = self._rates[self._count]

    def step(self) -> None:
        self._count += 1
        self._set()


def not_a_scheduler(optimizer: torch.optim.Optimizer) -> int:
    return 3


SCHEDULERS = [
    (f"{HERE}:saw", {"period": 4}),
    (f"{TORCH}:StepLR", {"step_size": 3, "gamma": 0.5}),
    (f"{TORCH}:MultiStepLR", {"milestones": [3.0, 7.0]}),
    (f"{TORCH}:CosineAnnealingWarmRestarts", {"T_0": 5}),
    (f"{TORCH}:CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4}),
    (f"{TORCH}:OneCycleLR", {"max_lr": 0.3, "total_steps": 21}),
    (f"{TORCH}:CosineAnnealingLR", {"T_max": 9}),
]


def stepped(path: str, arguments: dict[str, object], base: float, calls: int) -> list[float]:
    """The learning rates of the scheduler itself, stepped as in a training loop."""
    module, _, name = path.partition(":")
    cls = saw if module == HERE else getattr(torch.optim.lr_scheduler, name)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base, momentum=0.9)
    scheduler = cls(optimizer, **arguments)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(calls):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def begin(path: str, end: int = 20, per_epoch: int = 1, **fields: object) -> LrPlan:
    scheduler = ImportedScheduler.model_validate({"path": path, **fields})
    return LrPlan.begin(scheduler, 0.2, step=0, end=end, steps_per_epoch=per_epoch)


class TestSampling:
    @pytest.mark.filterwarnings("ignore:To get the last learning rate")
    @pytest.mark.parametrize(("path", "arguments"), SCHEDULERS)
    def test_each_step_has_the_rate_of_the_scheduler_itself(self, path, arguments):
        expected = stepped(path, arguments, 0.2, 20)
        plan = sampled_plan(begin(path, arguments=arguments, per="step"))
        for step in range(21):
            assert plan.rate(step) == pytest.approx(expected[step], rel=1e-12, abs=1e-15)

    def test_per_epoch_it_is_stepped_at_the_end_of_each_epoch(self):
        plan = sampled_plan(begin(f"{TORCH}:ExponentialLR", end=40, per_epoch=10, arguments={"gamma": 0.5}))
        assert [plan.rate(step) for step in (0, 9, 10, 39)] == [0.2, 0.2, 0.1, 0.2 / 8]

    def test_a_warm_up_comes_before_it(self):
        plan = sampled_plan(begin(f"{TORCH}:ExponentialLR", arguments={"gamma": 0.5}, per="step", warmup=4))
        assert [plan.rate(step) for step in (4, 5, 6)] == pytest.approx([0.2, 0.1, 0.05], rel=1e-12)
        assert plan.rate(0) == pytest.approx(0.002)

    def test_any_object_with_a_step_will_do(self):
        plan = sampled_plan(begin(f"{HERE}:Own", end=3, per="step", arguments={"rates": [0.3, 0.2, 0.1, 0.05]}))
        assert [plan.rate(step) for step in range(4)] == [0.3, 0.2, 0.1, 0.05]

    def test_a_longer_run_is_sampled_further_and_holds_the_last_rate_where_the_scheduler_ends(self):
        plan = sampled_plan(begin(f"{TORCH}:ExponentialLR", end=4, arguments={"gamma": 0.5}, per="step"))
        assert sampled_plan(plan.with_end(8, 2)).rate(7) == pytest.approx(0.2 / 2**7, rel=1e-12)
        ended = sampled_plan(begin(f"{HERE}:Own", end=2, per="step", arguments={"rates": [0.3, 0.2]}))
        assert [sampled_plan(ended.with_end(9, 1)).rate(step) for step in range(9)] == [0.3] + [0.2] * 8

    def test_it_neither_reads_nor_moves_the_random_numbers_of_the_run(self):
        torch.manual_seed(1)
        before = torch.get_rng_state()
        first = sampled_plan(begin(f"{HERE}:noisy", end=5, per="step"))
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(2)
        second = sampled_plan(begin(f"{HERE}:noisy", end=5, per="step", warmup_start=0.5))
        assert [first.rate(step) for step in range(5)] == [second.rate(step) for step in range(5)]

    def test_plans_of_other_schedulers_are_not_touched(self):
        plan = LrPlan.begin(Constant(), 0.1, step=0, end=5, steps_per_epoch=1)
        assert sampled_plan(plan) is plan

    @pytest.mark.parametrize(
        ("path", "arguments", "message"),
        [
            ("", {}, 'name the code as "module:function"'),
            ("no_such_module:f", {}, "ModuleNotFoundError"),
            (f"{HERE}:not_a_scheduler", {}, "returned int; it must return a torch scheduler"),
            (f"{TORCH}:StepLR", {}, "TypeError"),
            (
                f"{TORCH}:OneCycleLR",
                {"max_lr": 0.1, "total_steps": 5},
                "call 6 of step.., and the run needs 19",
            ),
            (f"{TORCH}:ReduceLROnPlateau", {}, "failed at call 1 of step.*metrics"),
            (f"{HERE}:Own", {"rates": [math.nan]}, "the learning rate is nan"),
        ],
    )
    def test_code_that_does_not_work_is_refused_with_its_reason(self, path, arguments, message):
        with pytest.raises(UserError, match=message) as refused:
            sampled_plan(begin(path, arguments=arguments, per="step"))
        assert "scheduler.path" in str(refused.value)

    def test_only_import_paths_are_taken(self):
        with pytest.raises(ValidationError):
            ImportedScheduler(path="os.system")


class TestCurve:
    def test_a_value_holds_until_the_next_and_after_the_end(self):
        curve = SampledCurve([0, 4, 6], [1.0, 0.5, 0.25])
        assert [curve.at(count) for count in (0, 3.9, 4, 6, 99)] == [1.0, 1.0, 0.5, 0.25, 0.25]

    def test_thinning_keeps_each_change_where_they_fit(self):
        curve = SampledCurve(range(1000), [0.1 ** (step // 100) for step in range(1000)])
        thin = curve.thinned(50)
        assert len(thin.steps) == 11
        assert [thin.at(step) for step in range(1000)] == list(curve.lr)

    def test_thinning_spreads_the_points_where_they_do_not_fit(self):
        thin = SampledCurve(range(10_001), [float(step) for step in range(10_001)]).thinned(101)
        assert (len(thin.steps), thin.steps[0], thin.steps[-1]) == (101, 0, 10_000)
        assert thin.at(5000) == pytest.approx(5000, abs=100)

    def test_without_a_curve_the_base_rate_holds(self):
        assert ImportedScheduler(path="a:b").rate(0.3, Clock(step=7, epoch=0, total=9, steps_per_epoch=9)) == 0.3


OWN = {"kind": "import", "path": f"{HERE}:saw", "arguments": {"period": 3}, "per": "step"}


def received(events: list[ev.AnyEvent]) -> RunState:
    """The state of a viewer, which gets every event over the wire."""
    state = RunState(run="bench")
    for event in events:
        state.apply(ev.EVENTS.validate_json(event.model_dump_json()))
    return state


class TestInARun:
    def test_it_trains_with_the_rates_of_the_scheduler(self):
        bench = TrainerHarness(tiny_config(scheduler=OWN, training={"epochs": 2}))
        bench.finish()
        base = bench.trainer.state.plan.base
        for step, rate in bench.column("lr").items():
            assert rate == pytest.approx(base / (1 + (step - 1) % 3), rel=1e-12)

    def test_a_viewer_draws_the_coming_rate_from_the_events_alone(self):
        bench = TrainerHarness(tiny_config(scheduler=OWN, training={"epochs": 2}))
        bench.steps(2)
        for state in (received(bench.events), RunState.model_validate_json(received(bench.events).model_dump_json())):
            assert state.plan is not None
            assert [state.plan.rate(step) for step in range(8)] == [
                bench.trainer.state.plan.rate(step) for step in range(8)
            ]
            halved = state.plan.with_rate(state.plan.rate(3) / 2, 3)
            assert halved.rate(4) == state.plan.rate(4) / 2

    def test_a_change_of_the_rate_and_an_undo_keep_the_curve(self):
        bench = TrainerHarness(tiny_config(scheduler=OWN, training={"epochs": 3}))
        bench.steps(4)
        bench.control.put(cmd.SetLearningRate(factor=0.5, id="half"))
        bench.steps(3)
        bench.control.put(cmd.SetScheduler(scheduler=Constant(), id="swap"))
        bench.steps(2)
        bench.control.put(cmd.Undo(id="undo"))
        bench.steps(1)
        state = received(bench.events)
        assert bench.trainer.state.plan.scheduler.kind == "import"
        assert state.plan is not None
        assert [state.plan.rate(step) for step in range(7, 12)] == [
            bench.trainer.state.plan.rate(s) for s in range(7, 12)
        ]
        assert state.plan.rate(9) == state.plan.base / 2

    def test_the_longer_run_is_previewed_too(self):
        bench = TrainerHarness(tiny_config(scheduler=OWN, training={"epochs": 2}))
        bench.steps(1)
        bench.control.put(cmd.SetEpochs(value=4))
        bench.steps(1)
        last = bench.trainer.state.plan.end - 1
        plan = received(bench.events).plan
        assert plan is not None
        assert plan.rate(last) == bench.trainer.state.plan.rate(last) != plan.rate(last - 1)

    def test_a_checkpoint_restores_the_same_rates(self, tmp_path):

        bench = TrainerHarness(tiny_config(scheduler=OWN, training={"epochs": 2}))
        bench.steps(5)
        bench.control.put(cmd.SetLearningRate(factor=0.5))
        bench.steps(1)
        tree = bench.state_dict()
        other = TrainerHarness(tiny_config(scheduler=OWN, training={"epochs": 2}))
        other.load_state_dict(tree)
        assert [other.trainer.state.plan.rate(step) for step in range(20)] == [
            bench.trainer.state.plan.rate(step) for step in range(20)
        ]

    def test_a_command_cannot_bring_code_that_was_not_trusted(self):
        bench = TrainerHarness(tiny_config(training={"epochs": 2}))
        bench.steps(1)
        bench.control.put(cmd.SetScheduler(scheduler=ImportedScheduler.model_validate(OWN)))
        bench.steps(1)
        assert "was not trusted" in bench.of(ev.Refused)[0].reason
        assert bench.trainer.state.plan.scheduler.kind == "constant"
        assert bench.of(ev.SchedulePreview) == []

    def test_arguments_that_do_not_work_are_refused_and_nothing_changes(self):
        bench = TrainerHarness(tiny_config(scheduler=OWN, training={"epochs": 2}))
        bench.steps(1)
        bench.control.put(cmd.SetScheduler(scheduler=ImportedScheduler.model_validate(OWN | {"arguments": {"no": 1}})))
        bench.steps(1)
        assert "TypeError" in bench.of(ev.Refused)[0].reason
        assert bench.trainer.state.plan.scheduler == ImportedScheduler.model_validate(OWN)


def test_it_needs_trust():
    config = tiny_config(scheduler=OWN)
    assert len(imports(config)) == 1
    with pytest.raises(UserError, match=rf"scheduler.path = '{HERE}:saw'.*--trust"):
        check_trust([config], "x", trust=False)
    check_trust([config], "x", trust=True)
