"""The training loop of a run as code: steps, validation, early stopping, and the interventions at their steps."""

from __future__ import annotations

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.components.optimizers.second_order import LBFGS
from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.types import Data
from tui_trainer.runs.torch_script.schedule_code import watched_names
from tui_trainer.runs.torch_script.steering import Steering

CHUNK = 1 << 19
"""Most input numbers that a run validates at once: the script takes the same parts, so that the sums are the same."""


def helpers_code(config: RunConfig, data: Data, steering: Steering) -> str:
    """Return the functions that the loop calls: measuring, and going back."""
    parts = [_measure(data)]
    if config.training.average:
        parts.append(_AVERAGE.strip())
    if steering.saved or steering.back_to_best:
        parts.append(_going_back(config, steering))
    parts.append(_SHOW.strip())
    return "\n\n\n".join(parts)


def loop_code(config: RunConfig, data: Data, steering: Steering, *, groups: bool, clips: bool) -> str:
    """Return the code that trains.

    Args:
        config: of the run.
        data: its data.
        steering: what was done to it.
        groups: whether parameters have multiples of the learning rate.
        clips: whether gradients are clipped at any time.
    """
    lines = [*_settings(config, steering, clips=clips), "", "for epoch in range(EPOCHS):"]
    lines += _indented(_epoch(config, steering, groups=groups, clips=clips))
    lines += _ending(config, data, steering)
    return "\n".join(lines)


def _measure(data: Data) -> str:
    per_sample = max(
        data.validation.inputs[0].numel() * (data.shape.targets if data.shape.task == "language" else 1), 1
    )
    size = max(1, CHUNK // per_sample)
    largest = max(len(data.validation), len(data.test) if data.test is not None else 0)
    if largest <= size:
        body = [
            "outputs = model(inputs)",
            "loss = objective(outputs, targets).item()",
            "found = metrics(predict(outputs), targets)",
        ]
    else:
        body = [
            "parts, predicted = [], []",
            f"for first in range(0, len(inputs), {size}):",
            f"    outputs = model(inputs[first : first + {size}])",
            f"    part = objective(outputs, targets[first : first + {size}]).item()",
            "    parts.append(part * len(outputs))",
            "    predicted.append(predict(outputs))",
            "loss = math.fsum(parts) / len(inputs)",
            "found = metrics(torch.cat(predicted), targets)",
        ]
    return "\n".join([
        "def measure(inputs, targets, prefix):",
        '    """Return loss and metrics of a split."""',
        "    model.eval()",
        "    with torch.inference_mode():",
        *(f"        {line}" for line in body),
        "    model.train()",
        '    return {f"{prefix}{name}": value for name, value in {"loss": loss, **found}.items()}',
    ])  # fmt: skip


_AVERAGE = '''
def measure_average(inputs, targets, prefix):
    """Return loss and metrics of a split with the average of the weights."""
    own = [weight.data for weight in trained]
    for weight, mean in zip(trained, average):
        weight.data = mean
    found = measure(inputs, targets, f"average/{prefix}")
    for weight, data in zip(trained, own):
        weight.data = data
    return found
'''


def _going_back(config: RunConfig, steering: Steering) -> str:
    state = ['"model": model.state_dict()']
    back = ['model.load_state_dict(saved["model"])']
    if steering.many:
        state.append('"optimizers": [optimizer.state_dict() for optimizer in optimizers]')
        back += [
            'for optimizer, kept in zip(optimizers, saved["optimizers"]):',
            '    groups = optimizer.state_dict()["param_groups"]',
            '    optimizer.load_state_dict({**copy.deepcopy(kept), "param_groups": groups})',
        ]
    else:
        state.append('"optimizer": optimizer.state_dict()')
        back += [
            'kept = copy.deepcopy(saved["optimizer"])',
            'optimizer.load_state_dict({**kept, "param_groups": optimizer.state_dict()["param_groups"]})',
        ]
    if config.training.average:
        state.append('"average": average')
        back += ['for mean, kept in zip(average, saved["average"]):', "    mean.copy_(kept)"]
    return "\n".join([
        "def state():",
        '    """Return the weights and what the optimizer keeps."""',
        f"    return {{{', '.join(state)}}}",
        "",
        "",
        "def go_back(saved):",
        '    """Take up the weights and what the optimizer kept then; its settings stay."""',
        *(f"    {line}" for line in back),
    ])  # fmt: skip


_SHOW = '''
def show(**values):
    """Print numbers on one line."""
    print("  ".join(f"{name}={value:.9g}" for name, value in values.items()), flush=True)
'''


def _settings(config: RunConfig, steering: Steering, *, clips: bool) -> list[str]:
    stopping, training = config.early_stopping, config.training
    lower = lower_is_better(stopping.monitor, stopping.mode)
    lines = [f"EPOCHS = {steering.epochs}"]
    if clips:
        lines.append(f"clip = {training.clip_grad_norm!r}  # largest norm of all gradients together; 0 for none")
    lines += [
        f"stops_early, patience, min_delta = {stopping.enabled!r}, {stopping.patience!r}, {stopping.min_delta!r}",
        f"best_value, best_epoch, best = {'math.inf' if lower else '-math.inf'}, 0, None",
    ]
    if steering.saved:
        lines.append("saved = {}")
    if names := watched_names(steering.plans):
        lines.append(f"watched = {{{', '.join(f'{name!r}: []' for name in names)}}}  # (step, value, epochs since)")
    if training.average:
        lines.append("average = [weight.detach().clone() for weight in trained]")
    return [*lines, "step = 0"]


def _epoch(config: RunConfig, steering: Steering, *, groups: bool, clips: bool) -> list[str]:
    size = str(min(config.data.batch_size * config.training.accumulate, 10**9))
    if steering.lengths:
        size = "size"
    lines: list[str] = []
    if steering.lengths:
        sizes = [(each.epoch, each.batch_size) for each in steering.lengths]
        lines.append(f"size = next(size for first, size in reversed({sizes!r}) if epoch >= first)")
    lines += ["model.train()", "total, seen, predicted, wanted = 0.0, 0, [], []"]
    lines.append(f"for inputs, targets in batches(epoch, {size}):")
    body: list[str] = []
    if steering.last_step is not None:
        body += [f"if step == {steering.last_step}:  # the run was stopped here", "    break"]
    for step, block in sorted(steering.blocks.items()):
        if steering.last_step is None or step < steering.last_step:
            body += [f"if step == {step}:", *_indented(block)]
    body += _step(config, steering, groups=groups, clips=clips)
    body += [
        "step += 1",
        "total, seen = total + loss.item() * len(inputs), seen + len(inputs)",
        "predicted.append(predict(outputs.detach()))",
        "wanted.append(targets)",
    ]
    lines += _indented(body)
    if steering.last_step is not None:
        lines += [f"if step == {steering.last_step}:", "    break"]
    return lines + _epoch_end(config, steering)


def _step(config: RunConfig, steering: Steering, *, groups: bool, clips: bool) -> list[str]:
    factor = ' * group["factor"]' if groups else ""
    rate = ["for group in optimizer.param_groups:", f'    group["lr"] = rate(step){factor}']
    zero, step = ["optimizer.zero_grad()"], ["optimizer.step()"]
    if steering.many:
        rate = ["for optimizer in optimizers:", *_indented(rate)]
        zero, step = (["for optimizer in optimizers:", *_indented(one)] for one in (zero, step))
    if isinstance(config.optimizer, LBFGS):
        passes = [
            "evaluated = []",
            "",
            "def closure():",
            "    optimizer.zero_grad()",
            "    evaluated.append(model(inputs))",
            "    loss = objective(evaluated[-1], targets)",
            "    loss.backward()",
            "    return loss",
            "",
            "loss = optimizer.step(closure)",
            "outputs = evaluated[0]",
        ]
        step, clips = [], False
    elif config.training.accumulate > 1:
        passes = [
            *zero,
            f"part, outputs, loss = {_part(config, steering)}, [], 0.0",
            "for first in range(0, len(inputs), part):",
            "    some, of_them = inputs[first : first + part], targets[first : first + part]",
            "    outputs.append(model(some))",
            "    share = objective(outputs[-1], of_them) * (len(some) / len(inputs))",
            "    share.backward()",
            "    loss = loss + share.detach()",
            "outputs = torch.cat(outputs)",
        ]
    else:
        passes = [*zero, "outputs = model(inputs)", "loss = objective(outputs, targets)", "loss.backward()"]
    if clips:
        passes += ["if clip:", "    nn.utils.clip_grad_norm_(trained, clip)"]
    after: list[str] = []
    if config.training.average:
        after = [
            "with torch.no_grad():",
            "    for mean, weight in zip(average, trained):",
            f"        mean.copy_(weight) if step == 0 else mean.lerp_(weight, {1 - config.training.average!r})",
        ]
    return [*rate, *passes, *step, *after]


def _part(config: RunConfig, steering: Steering) -> str:
    if steering.lengths:
        return f"-(-size // {config.training.accumulate})"
    return str(config.data.batch_size)


def _epoch_end(config: RunConfig, steering: Steering) -> list[str]:
    training, stopping = config.training, config.early_stopping
    lines = [
        "train = metrics(torch.cat(predicted), torch.cat(wanted))",
        'values = {"train_loss": total / seen, **{f"train_{name}": value for name, value in train.items()}}',
    ]
    validation = ['values |= measure(validation_inputs, validation_targets, "val_")']
    if training.average:
        validation.append('values |= measure_average(validation_inputs, validation_targets, "val_")')
    if training.validate_every > 1:
        ends = sorted({*steering.ends, steering.epochs})
        lines += [f"if (epoch + 1) % {training.validate_every} == 0 or epoch + 1 in {ends!r}:", *_indented(validation)]
    else:
        lines += validation
    for name in watched_names(steering.plans):
        lines += _watch(name, steering)
    lines += [
        "show(epoch=epoch + 1, step=step, lr=rate(step - 1), **values)",
        'if not math.isfinite(values["train_loss"]):',
        "    break",
        f'value = values.get("{stopping.monitor}", math.nan)',
    ]
    better = "<" if lower_is_better(stopping.monitor, stopping.mode) else ">"
    bound = "best_value - min_delta" if better == "<" else "best_value + min_delta"
    kept = "state()" if steering.back_to_best else "model.state_dict()"
    went_on = f" and step not in {sorted(steering.went_on)!r}" if steering.went_on else ""
    lines += [
        f"if value {better} {bound}:",
        f"    best_value, best_epoch, best = value, epoch + 1, copy.deepcopy({kept})",
        f"elif stops_early and best and epoch + 1 - best_epoch >= patience{went_on}:",
    ]
    if stopping.restore_best:
        lines.append("    model.load_state_dict(best" + ('["model"])' if steering.back_to_best else ")"))
    return [*lines, "    break"]


def _watch(name: str, steering: Steering) -> list[str]:
    measured = "val_accuracy" if name == "val_error" else name
    value = 'values["val_accuracy"]' if name == "val_error" else f'values["{name}"]'
    value = f"1 - {value}" if name == "val_error" else value
    first = min(each.start for each in steering.stretches if getattr(each.plan.scheduler, "watch", "") == name)
    when = f"step > {first} and " if first else ""
    return [
        f'if {when}"{measured}" in values:',
        f"    before = watched_epoch if watched[{name!r}] else epoch",
        f"    watched[{name!r}].append((step, {value}, epoch + 1 - before))",
        "    watched_epoch = epoch + 1",
    ]


def _ending(config: RunConfig, data: Data, steering: Steering) -> list[str]:
    lines: list[str] = []
    if steering.last_step is not None and steering.validates:
        lines.append('show(step=step, **measure(validation_inputs, validation_targets, "val_"))')
    if steering.restores_best:
        best = 'best["model"]' if steering.back_to_best else "best"
        lines += ["if best:", f"    model.load_state_dict({best})"]
    if data.test is not None:
        lines.append('show(**measure(test_inputs, test_targets, "test_"))')
        if config.training.average:
            lines.append('show(**measure_average(test_inputs, test_targets, "test_"))')
    lines.append('# the weights: torch.save(model.state_dict(), "model.pt")')
    return ["", *lines]


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]
