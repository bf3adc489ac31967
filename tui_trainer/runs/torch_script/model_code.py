"""The model of a run as code: its layers under the names that they have in a checkpoint, and their first weights."""

from __future__ import annotations

import inspect
from typing import Any

from tui_trainer.components.activations import Abs, Activation, Sign
from tui_trainer.components.initializers import (
    ConstantInit,
    Init,
    KaimingNormal,
    KaimingUniform,
    LeCunNormal,
    Normal,
    Orthogonal,
    Sparse,
    TorchDefault,
    TruncNormal,
    Uniform,
    XavierNormal,
    XavierUniform,
)
from tui_trainer.components.models import CNN, MLP, AnyModel, Linear, Transformer
from tui_trainer.data.types import ProblemSpec

MODELS = (Linear, MLP, CNN, Transformer)
"""Every model that a script can hold."""

_FUNCTION = """
class {name}(nn.Module):
    def forward(self, z):
        return torch.{function}(z)
"""

_NORM = '''
class {name}(nn.{name}):
    """torch's, but for a batch of one sample, which the running averages normalise."""

    def forward(self, x):
        if self.training and {one}:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(x)
'''

_TRANSFORMER = """
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout = {dropout}
        self.qkv = nn.Linear({width}, {qkv})
        self.output = nn.Linear({width}, {width})

    def forward(self, x):
        n, t, width = x.shape
        query, key, value = self.qkv(x).view(n, t, 3, {heads}, {head}).permute(2, 0, 3, 1, 4).unbind()
        dropout = self.dropout if self.training else 0.0
        read = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return self.output(read.transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm({width})
        self.attention = Attention()
        self.norm2 = nn.LayerNorm({width})
        self.hidden = nn.Linear({width}, {wide})
        self.activation = {activation}
        self.project = nn.Linear({wide}, {width})
        self.dropout = nn.Dropout({dropout})

    def forward(self, x):
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.project(self.activation(self.hidden(self.norm2(x)))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding({symbols}, {width}{sparse})
        self.position = nn.Embedding({context}, {width})
        self.dropout = nn.Dropout({dropout})
        for number in range(1, {layers} + 1):
            self.add_module(f"block{{number}}", Block())
        self.norm = nn.LayerNorm({width})
{output}
    def forward(self, symbols):
        places = torch.arange(symbols.shape[1], device=symbols.device)
        x = self.dropout(self.embedding(symbols) + self.position(places))
        for number in range(1, {layers} + 1):
            x = getattr(self, f"block{{number}}")(x)
        {result}


model = Transformer()
"""


def model_code(model: AnyModel, shape: ProblemSpec, outputs: int, *, wide: bool, ones: bool) -> str:
    """Return the code that makes `model` with its first weights.

    Args:
        model: one of `MODELS`.
        shape: of the data.
        outputs: numbers for each sample.
        wide: whether weights are float64.
        ones: whether a batch may hold a single sample.
    """
    to = "model.to(DEVICE, torch.float64)" if wide else "model.to(DEVICE)"
    classes = [_activation_class(model.activation)] if model.has_hidden_units else []
    if isinstance(model, Transformer):
        body = _transformer(model, shape, outputs)
    else:
        assert isinstance(model, (Linear, MLP, CNN))
        layers = _layers(model, shape, outputs)
        norms = [name for name in ("BatchNorm1d", "BatchNorm2d") if any(name in call for _, call in layers)]
        if ones:
            classes += [_norm_class(name) for name in norms]
            layers = [(name, call.replace("nn.BatchNorm", "BatchNorm")) for name, call in layers]
        rows = "\n".join(f'    ("{name}", {call}),' for name, call in layers)
        body = f"model = nn.Sequential(OrderedDict([\n{rows}\n]))"
    filled = _initialised(model.init, embeds=isinstance(model, Transformer))
    return "\n\n\n".join([*(text for text in classes if text), f"{body}\n\n{filled}\n{to}"])


def weights_code(path: str, skipped: list[str]) -> str:
    """Return the code that loads the weights of a file into the model."""
    wanted = f" if name not in {skipped!r}" if skipped else ""
    return (
        f"# the weights to begin with; in a checkpoint of a run their names begin with model.\n"
        f'stored = {{name.removeprefix("model."): value for name, value in load_file({path!r}).items()}}\n'
        f"own = model.state_dict()\n"
        f"model.load_state_dict({{**own, **{{name: stored[name] for name in own{wanted}}}}})"
    )


def _layers(model: Linear | MLP | CNN, shape: ProblemSpec, outputs: int) -> list[tuple[str, str]]:
    """Return name and call of each layer, in order."""
    layers: list[tuple[str, str]] = []
    before = 1
    for side in shape.inputs:
        before *= side
    if isinstance(model, CNN):
        before = _blocks(model, shape, layers)
    elif len(shape.inputs) > 1:
        layers.append(("flatten", "nn.Flatten()"))
    bias, norm = True, "none"
    if isinstance(model, Linear):
        hidden, dropout, bias = (), 0.0, model.bias
    else:
        hidden, dropout = model.hidden, model.dropout
        norm = model.norm if isinstance(model, MLP) else "none"
    for number, after in enumerate(hidden, start=1):
        layers.append((f"hidden{number}", f"nn.Linear({before}, {after})"))
        if norm != "none":
            kind = "BatchNorm1d" if norm == "batch" else "LayerNorm"
            layers.append((f"hidden{number}_norm", f"nn.{kind}({after})"))
        layers.append((f"hidden{number}_activation", _activation(model.activation)))
        if dropout:
            layers.append((f"hidden{number}_dropout", f"nn.Dropout({dropout!r})"))
        before = after
    layers.append(("output", f"nn.Linear({before}, {outputs}{'' if bias else ', bias=False'})"))
    if model.head != "identity":
        layers.append(("head", _head(model.head)))
    return layers


def _blocks(model: CNN, shape: ProblemSpec, layers: list[tuple[str, str]]) -> int:
    """Add the convolutions; returns the numbers that are left of a sample."""
    before, rows, columns = shape.inputs
    for number, after in enumerate(model.channels, start=1):
        bias = ", bias=False" if model.batch_norm else ""
        call = f"nn.Conv2d({before}, {after}, {model.kernel}, padding={model.kernel // 2}{bias})"
        layers.append((f"conv{number}", call))
        if model.batch_norm:
            layers.append((f"conv{number}_norm", f"nn.BatchNorm2d({after})"))
        layers.append((f"conv{number}_activation", _activation(model.activation)))
        if model.pool > 1:
            layers.append((f"pool{number}", f"nn.MaxPool2d({model.pool})"))
        before, rows, columns = after, rows // model.pool, columns // model.pool
    layers.append(("flatten", "nn.Flatten()"))
    if model.dropout:
        layers.append(("flatten_dropout", f"nn.Dropout({model.dropout!r})"))
    return before * rows * columns


def _transformer(model: Transformer, shape: ProblemSpec, outputs: int) -> str:
    result = "F.linear(self.norm(x), self.embedding.weight)" if model.tied else "self.output(self.norm(x))"
    made = "" if model.tied else f"        self.output = nn.Linear({model.width}, {outputs})\n"
    if model.head != "identity":
        result = f"self.head({result})"
        made += f"        self.head = {_head(model.head)}\n"
    return _TRANSFORMER.strip().format(
        dropout=model.dropout,
        width=model.width,
        qkv=3 * model.width,
        wide=4 * model.width,
        heads=model.heads,
        head=model.width // model.heads,
        activation=_activation(model.activation),
        symbols=shape.targets,
        sparse=", sparse=True" if model.sparse_embedding else "",
        context=shape.inputs[0],
        layers=model.layers,
        output=made,
        result=f"return {result}",
    )


def _head(head: str) -> str:
    return "nn.Sigmoid()" if head == "sigmoid" else "nn.Softmax(dim=-1)"


def _activation(activation: Activation) -> str:
    if isinstance(activation, (Sign, Abs)):
        return f"{type(activation).__name__}()"
    changed = [
        f"{name}={value!r}"
        for name, value in activation
        if name != "kind" and value != type(activation).model_fields[name].default
    ]
    return f"nn.{activation.torch_name}({', '.join(changed)})"


def _activation_class(activation: Activation) -> str:
    if not isinstance(activation, (Sign, Abs)):
        return ""
    return inspect.cleandoc(_FUNCTION.format(name=type(activation).__name__, function=activation.kind))


def _norm_class(name: str) -> str:
    one = "len(x) == 1" if name == "BatchNorm1d" else "x.shape[0] * x.shape[2] * x.shape[3] == 1"
    return _NORM.strip().format(name=name, one=one)


def _initialised(init: Init, *, embeds: bool) -> str:
    """Return the code that draws the first weights of each layer from one generator."""
    weight, bias, embedding = _fill(init)
    lines = ["generator = seeded(SEED, 1)  # of the first weights", "with torch.no_grad():"]
    lines += ["    for layer in model.modules():"]
    if embeds:
        lines += [
            "        if isinstance(layer, nn.Embedding):",
            f"            layer.weight.normal_(0, {embedding}, generator=generator)",
        ]
    lines.append("        if isinstance(layer, (nn.Linear, nn.Conv2d)):")
    if any("inputs_of_unit" in line for line in (*weight, bias)):
        lines.append("            inputs_of_unit = math.prod(layer.weight.shape[1:])")
    lines += [*(f"            {line}" for line in weight), "            if layer.bias is not None:"]
    return "\n".join([*lines, f"                {bias}"])


def _fill(init: Init) -> tuple[list[str], str, float]:
    """Return the statements that fill a weight, the one that fills a bias, and the deviation of embeddings."""
    zero = "layer.bias.zero_()"
    match init:
        case TorchDefault():
            bias = (
                "layer.bias.uniform_(-1 / math.sqrt(inputs_of_unit), 1 / math.sqrt(inputs_of_unit), "
                "generator=generator)"
            )
            return ["nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)"], bias, 1.0
        case ConstantInit(value=value):
            lines = [f"layer.weight.fill_({value!r})"]
        case Normal(mean=mean, std=std):
            lines = [f"layer.weight.normal_({mean!r}, {std!r}, generator=generator)"]
        case Uniform(low=low, high=high):
            lines = [f"layer.weight.uniform_({low!r}, {high!r}, generator=generator)"]
        case TruncNormal(std=std, mean=mean, cut=cut):
            bounds = f"{mean - cut * std!r}, {mean + cut * std!r}"
            lines = [f"nn.init.trunc_normal_(layer.weight, {mean!r}, {std!r}, {bounds}, generator=generator)"]
        case XavierUniform() | XavierNormal() | Orthogonal():
            function = f"{init.kind.replace('-', '_')}_"
            gain = 1.0 if init.gain is None else init.gain
            lines = [f"nn.init.{function}(layer.weight, {gain!r}, generator=generator)"]
        case KaimingUniform() | KaimingNormal():
            lines = _kaiming(init)
        case LeCunNormal(bias_std=bias_std):
            lines = ["layer.weight.normal_(0, 1 / math.sqrt(inputs_of_unit), generator=generator)"]
            zero = f"layer.bias.normal_(0, {bias_std!r}, generator=generator)" if bias_std else zero
        case Sparse(sparsity=sparsity, std=std):
            lines = [
                f"layer.weight.normal_(0, {std!r}, generator=generator)",
                "columns = layer.weight.flatten(1)",
                f"zeros = math.ceil({sparsity!r} * len(columns))",
                "places = torch.rand(columns.shape, generator=generator).argsort(0)[:zeros]",
                "layer.weight.copy_(columns.scatter(0, places, 0.0).view_as(layer.weight))",
            ]
        case _:
            lines = ["layer.weight.zero_()"]
    return lines, zero, 0.02


def _kaiming(init: KaimingUniform | KaimingNormal) -> list[str]:
    gain: Any = "math.sqrt(2)" if init.gain is None else repr(init.gain)
    fan = "inputs_of_unit" if init.mode == "fan-in" else "len(layer.weight) * math.prod(layer.weight.shape[2:])"
    deviation = f"{gain} / math.sqrt({fan})"
    if isinstance(init, KaimingNormal):
        return [f"layer.weight.normal_(0, {deviation}, generator=generator)"]
    return [
        f"bound = math.sqrt(3) * ({deviation})",
        "layer.weight.uniform_(-bound, bound, generator=generator)",
    ]
