"""The learning rate of a run as code: one function of the step, with the plan of each stretch of the run."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tui_trainer.components.schedulers import builtin
from tui_trainer.components.schedulers.epoch_lengths import Lengths
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.components.schedulers.torch_expression import NAMES

WATCHED = "watched"
"""The variable of the script that holds what a plateau watches."""

_BODIES = {
    "constant": '''
def constant(base, time, epoch, total, factor, steps):
    """Return `base`, and a multiple of it during the first steps."""
    return base * factor if time < steps else base
''',
    "inverse-time": '''
def inverse_time(base, time, epoch, total, decay, per):
    """Decay as 1 / (1 + decay k)."""
    return base / (1 + decay * (time if per == "step" else epoch))
''',
    "exponential": '''
def exponential(base, time, epoch, total, gamma, per):
    """Multiply by `gamma` at each epoch or step."""
    return base * gamma ** (time if per == "step" else epoch)
''',
    "staircase": '''
def staircase(base, time, epoch, total, period, gamma, milestones, per):
    """Multiply by `gamma` at each milestone, or after each period."""
    count = time if per == "step" else epoch
    drops = sum(count >= milestone for milestone in milestones) if milestones else count // period
    return base * gamma**drops
''',
    "polynomial": '''
def polynomial(base, time, epoch, total, power):
    """Fall as (1 - time / total) ** power."""
    return base * (1 - min(time / total, 1)) ** power
''',
    "linear": '''
def linear(base, time, epoch, total, start_factor, end_factor):
    """Go in a straight line from one multiple of `base` to another."""
    return base * (start_factor + (end_factor - start_factor) * min(time / total, 1))
''',
    "cosine": '''
def cosine(base, time, epoch, total, min_lr):
    """Fall along a cosine from `base` to `min_lr`."""
    return min_lr + (base - min_lr) * (1 + math.cos(math.pi * min(time / total, 1))) / 2
''',
    "warm-restarts": '''
def warm_restarts(base, time, epoch, total, first, mult, min_lr, unit_steps):
    """Fall along a cosine again and again, each time `mult` times as long."""
    passed, start, length = time / unit_steps, 0, first
    if mult == 1:
        start = passed // first * first
    while mult > 1 and start + length <= passed:
        start, length = start + length, length * mult
    return min_lr + (base - min_lr) * (1 + math.cos(math.pi * (passed - start) / length)) / 2
''',
    "one-cycle": '''
def one_cycle(base, time, epoch, total, rise, div_factor, final_div_factor, anneal, three_phase):
    """Rise to `base`, then fall far below the first rate."""
    low, last = base / div_factor, base / div_factor / final_div_factor
    phases = [(rise * total - 1, low, base), (total - 1, base, last)]
    if three_phase:
        phases = [phases[0], (2 * rise * total - 2, base, low), (total - 1, low, last)]
    now, start = min(time, total - 1), 0.0
    for until, begin, finish in phases[:-1]:
        if now <= until:
            break
        start = until
    else:
        until, begin, finish = phases[-1]
    share = min(max((now - start) / (until - start), 0.0), 1.0) if until > start else 1.0
    if anneal == "linear":
        return begin + (finish - begin) * share
    return finish + (begin - finish) / 2 * (1 + math.cos(math.pi * share))
''',
    "cyclic": '''
def cyclic(base, time, epoch, total, low, up, down, mode, gamma):
    """Go up and down between a share of `base` and `base`."""
    length = up + (down or up)
    ratio = up / length
    cycle = math.floor(1 + time / length)
    within = 1 + time / length - cycle
    height = within / ratio if within <= ratio else (within - 1) / (ratio - 1)
    if mode == "triangular2":
        height /= 2.0 ** (cycle - 1)
    elif mode == "exp-range":
        height *= gamma**time
    return base * low + (base - base * low) * height
''',
    "warmup-stable-decay": '''
def stable_decay(base, time, epoch, total, decay, end_factor, fall):
    """Stay at `base`, and fall over the last part of the run."""
    share = min(max((time - (total - decay * total)) / (decay * total), 0.0), 1.0)
    last = base * end_factor
    if fall == "cosine":
        return last + (base - last) * (1 + math.cos(math.pi * share)) / 2
    return last + (base - last) * (1 - (math.sqrt(share) if fall == "sqrt" else share))
''',
    "plateau": '''
def plateau(
    base, time, epoch, total, watch, after, until, factor, patience, threshold, relative, cooldown, min_lr, eps
):
    """Multiply by `factor` each time that the metric has not improved for `patience` epochs."""
    rate, best, bad, cooling = base, math.inf, 0, 0
    for value, epochs in [seen[1:] for seen in watched[watch] if after < seen[0] <= until]:
        if not math.isfinite(value):
            continue
        bound = best * (1 - threshold if best >= 0 else 1 + threshold) if relative else best - threshold
        best, bad = (value, 0) if value < bound else (best, bad + epochs)
        if cooling > 0:
            cooling, bad = max(cooling - epochs, 0), max(min(bad, epochs - cooling), 0)
        if bad > patience:
            dropped = max(rate * factor, min_lr)
            rate = dropped if rate - dropped > eps else rate
            cooling, bad = cooldown, 0
    return rate
''',
    "torch": '''
def from_torch(base, time, epoch, total, make, per):
    """Return the rate of a scheduler of torch after so many steps or epochs."""
    key = (base, make)
    if key not in TORCH_RATES:
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=base, momentum=0.9)
        TORCH_RATES[key] = (optimizer, make(optimizer), [optimizer.param_groups[0]["lr"]])
    optimizer, scheduler, rates = TORCH_RATES[key]
    while len(rates) <= (time if per == "step" else epoch):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates[time if per == "step" else epoch]


TORCH_RATES = {}
''',
}
"""The function of each kind of schedule: `time` and `total` in steps since it began, `epoch` in epochs."""

_WARM_UP = '''
def warm_up(shape, base, time, epoch, total, steps, epochs, start, **settings):
    """Rise in a line over the first `steps`; then the shape begins."""
    total = max(total - steps, 1)
    if time < steps:
        return shape(base, 0, 0, total, **settings) * (start + (1 - start) * time / steps)
    return shape(base, time - steps, max(0, epoch - epochs), total, **settings)
'''

_EPOCHS_ENDED = '''
EPOCH_LENGTHS = {table}
"""From which step on, with how many epochs behind, an epoch has how many steps."""


def epochs_ended(step):
    """Return the epochs that have ended at a step."""
    first, behind, steps = next(each for each in reversed(EPOCH_LENGTHS) if each[0] <= step)
    return behind + (step - first) // steps
'''


@dataclass(slots=True)
class Stretch:
    """A stretch of the run with one plan of the learning rate.

    Attributes:
        start: steps taken before it.
        plan: the plan in force.
        why: what was done to the run, a line for each.
    """

    start: int
    plan: LrPlan
    why: list[str] = field(default_factory=list[str])


def rate_code(stretches: Sequence[Stretch], lengths: Lengths) -> str:
    """Return `rate(step)` and the functions that it needs."""
    kinds = dict.fromkeys(each.plan.scheduler.kind for each in stretches if not _is_flat(each.plan))
    parts = [_BODIES[kind].strip() for kind in kinds]
    if any(each.plan.scheduler.warmup for each in stretches):
        parts.append(_WARM_UP.strip())
    ended = f"step // {stretches[0].plan.steps_per_epoch}"
    if lengths:
        table = [(each.step, each.epoch, each.steps) for each in lengths]
        parts.append(_EPOCHS_ENDED.format(table=table).strip())
        ended = "epochs_ended(step)"
    body = ['"""Return the learning rate of the step after `step` steps."""']
    lines = [_stretch(each) for each in stretches]
    if any("epoch" in line for block in lines for line in block):
        body.append(f"epoch = {ended}")
    for index, block in enumerate(lines):
        body += [f"# after step {stretches[index].start}: {why}" for why in stretches[index].why]
        if index + 1 < len(lines):
            body += [f"if step < {stretches[index + 1].start}:", *(f"    {line}" for line in block)]
        else:
            body += block
    parts.append("\n".join(["def rate(step):", *(f"    {line}" for line in body)]))
    return "\n\n\n".join(parts)


def imports_of(plans: Sequence[LrPlan]) -> list[str]:
    """Return the import lines that torch's schedulers in the plans need."""
    found: list[str] = []
    for plan in plans:
        if isinstance(plan.scheduler, builtin.Torch):
            names = {node.id for node in ast.walk(_call_of(plan.scheduler.call)) if isinstance(node, ast.Name)}
            found += [f"from torch.optim.lr_scheduler import {name}" for name in sorted(names & set(NAMES))]
            found += [f"from math import {name}" for name in sorted(names & {"sqrt", "exp", "log", "cos"})]
    return found


def watched_names(plans: Sequence[LrPlan]) -> list[str]:
    """Return the metrics that plateaus among the plans watch."""
    return sorted({plan.scheduler.watch for plan in plans if isinstance(plan.scheduler, builtin.Plateau)})


def _is_flat(plan: LrPlan) -> bool:
    scheduler = plan.scheduler
    return isinstance(scheduler, builtin.Constant) and not scheduler.steps and not scheduler.warmup


def _stretch(stretch: Stretch) -> list[str]:
    """Return the statements that give the rate by a plan: its shape, and what was set by hand."""
    plan = stretch.plan
    shape, time = _shape(plan), _time(plan)
    lines: list[str] = []
    if plan.held is not None and plan.held_until is not None:
        lines = [f"if {time} < {plan.held_until!r}:", f"    return {plan.held!r}  # until the schedule reaches it"]
    elif plan.held is not None:
        return [f"return {plan.held!r} if {shape} == 0 else {_scaled(shape, plan.scale)}"]
    value = _scaled(shape, plan.scale)
    if plan.floor is not None:
        warm = plan.scheduler.warmup_steps(plan.length)
        value = f"max({value}, {plan.floor!r})" + (f" if {time} >= {warm} else {value}" if warm else "")
    return [*lines, f"return {value}"]


def _scaled(shape: str, scale: float) -> str:
    return shape if scale == 1.0 else f"{shape} * {scale!r}"


def _time(plan: LrPlan) -> str:
    """Return the schedule's own time as an expression of `step`."""
    if plan.pace != 1.0:
        return f"({plan.anchor_position!r} + (step - {plan.anchor_step}) * {plan.pace!r})"
    offset = plan.anchor_step - plan.anchor_position
    if not offset:
        return "step"
    return f"(step - {int(offset) if float(offset).is_integer() else offset!r})"


def _shape(plan: LrPlan) -> str:
    scheduler = plan.scheduler
    if _is_flat(plan):
        return repr(plan.base)
    origin = plan.epochs_ended(plan.origin)
    place = [repr(plan.base), _time(plan), f"epoch - {origin}" if origin else "epoch", str(plan.length)]
    settings = _settings(plan)
    name = _BODIES[scheduler.kind].split("(", 1)[0].split()[1]  # after "def"
    if not scheduler.warmup:
        return f"{name}({', '.join([*place, *settings])})"
    steps = scheduler.warmup_steps(plan.length)
    warm = [f"steps={steps}", f"epochs={steps // plan.own_steps_per_epoch}", f"start={scheduler.warmup_start!r}"]
    return f"warm_up({', '.join([name, *place, *warm, *settings])})"


def _settings(plan: LrPlan) -> list[str]:
    """Return the settings of a schedule as keyword arguments of its function."""
    scheduler = plan.scheduler
    values: dict[str, Any] = {
        name: value for name, value in scheduler if name not in ("kind", "warmup", "warmup_start")
    }
    if isinstance(scheduler, builtin.WarmRestarts):
        values["unit_steps"] = plan.own_steps_per_epoch if values.pop("unit") == "epoch" else 1
    if isinstance(scheduler, builtin.Torch):
        make = ast.unparse(_call_of(values.pop("call")))
        return [f"make={_maker_name(make)}", f"per={scheduler.per!r}"]
    if isinstance(scheduler, builtin.Plateau):
        after = plan.origin + scheduler.warmup_steps(plan.length)
        relative = values.pop("threshold_mode") == "rel"
        values = {"watch": values.pop("watch"), "after": after, **values, "relative": relative}
        return [*(f"{name}={value!r}" for name, value in values.items()), "until=step"]
    return [f"{name}={value!r}" for name, value in values.items()]


def makers(plans: Sequence[LrPlan]) -> list[str]:
    """Return a function for each of torch's schedulers among the plans, which makes it for an optimizer."""
    calls = dict.fromkeys(
        ast.unparse(_call_of(plan.scheduler.call)) for plan in plans if isinstance(plan.scheduler, builtin.Torch)
    )
    return [f"def {_maker_name(call)}(optimizer):\n    return {call}" for call in calls]


def _maker_name(call: str) -> str:
    from zlib import crc32

    return f"scheduler_{crc32(call.encode()):08x}"


class _WithOptimizer(ast.NodeTransformer):
    """Gives each scheduler of a call the optimizer, and names every function without its module."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute):
            node.func = ast.Name(node.func.attr, ast.Load())
        if isinstance(node.func, ast.Name) and node.func.id in NAMES and node.func.id != "ChainedScheduler":
            node.args.insert(0, ast.Name("optimizer", ast.Load()))
        return node


def _call_of(text: str) -> ast.AST:
    return ast.fix_missing_locations(_WithOptimizer().visit(ast.parse(text.strip(), mode="eval").body))
