"""A small causal transformer with pre-norm blocks, as in GPT-2."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tui_trainer.nn.networks import head_module

Activation = Callable[[], nn.Module]


class Attention(nn.Module):
    """Causal self-attention: `[n, t, width]` to `[n, t, width]`."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, t, width = x.shape
        query, key, value = self.qkv(x).view(n, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind()
        dropout = self.dropout if self.training else 0.0
        read = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return self.output(read.transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    """A transformer block: attention and a two-layer MLP, each with a residual connection."""

    def __init__(self, width: int, heads: int, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.norm2 = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, 4 * width)
        self.activation = activation()
        self.project = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.project(self.activation(self.hidden(self.norm2(x)))))


class CausalTransformer(nn.Module):
    """Symbols `[n, t]` (int64, t up to `context`) to `[n, t, outputs]` for the symbol after each of them.

    Args:
        symbols: size of the vocabulary.
        context: the longest sequence.
        outputs: numbers for each position; the vocabulary again where `tied`.
        layers: blocks.
        heads: heads of attention in each block.
        width: numbers that stand for one position.
        activation: makes the activation of the hidden units.
        head: identity, sigmoid or softmax.
        dropout: share that is switched off at random while training.
        tied: the output layer uses the weight of the embedding.
        sparse: the embedding's gradient is sparse; its weight says so as `sparse_gradient`.
    """

    def __init__(
        self,
        symbols: int,
        context: int,
        outputs: int,
        layers: int,
        heads: int,
        width: int,
        activation: Activation,
        head: str,
        dropout: float,
        tied: bool,
        sparse: bool,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, width, sparse=sparse)
        if sparse:
            setattr(self.embedding.weight, "sparse_gradient", True)  # noqa: B010 (a Parameter has no such field)
        self.position = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        for number in range(1, layers + 1):
            self.add_module(f"block{number}", Block(width, heads, activation, dropout))
        self.norm = nn.LayerNorm(width)
        # Tied, there is one parameter under one name, so that a file of the weights holds it once.
        self.output = None if tied else nn.Linear(width, outputs)
        self.head = head_module(head)
        self.register_buffer("places", torch.arange(context), persistent=False)
        self.places: Tensor

    def forward(self, symbols: Tensor) -> Tensor:
        x = self.dropout(self.embedding(symbols) + self.position(self.places[: symbols.shape[1]]))
        for block in self.children():
            if isinstance(block, Block):
                x = block(x)
        x = self.norm(x)
        outputs = F.linear(x, self.embedding.weight) if self.output is None else self.output(x)
        return outputs if self.head is None else self.head(outputs)
