"""Formulas of lessons, which are written in plain text, as MathML between their words.

    x <- x - t g/(sqrt(s) + e), e = 1e-10 outside the root

becomes two formulas and a few words. Powers, indices, roots, fractions and Greek letters are set; what cannot be read
as a formula stays text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from tui_trainer.runs.exporting.svg_chart import text

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<prose>[A-Za-z]{2,}'s\b|[A-Za-z]{2,}(?:[-_][A-Za-z]{3,})+)"
    r"|(?P<number>\.?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?%?)"
    r"|(?P<word>[A-Za-z]\d+(?![A-Za-z])|[A-Za-z]{1,3}_[A-Za-z]{2}(?![A-Za-z])|[A-Za-z]+)"
    r"|(?P<operator><-|->|<=|>=|\+-|[-+*/=<>|^_'~])"
    r"|(?P<open>[(\[])|(?P<close>[)\]])|(?P<other>.)"
)
_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "kappa": "κ", "lambda": "λ",
    "mu": "μ", "phi": "φ", "pi": "π", "rho": "ρ", "sigma": "σ", "theta": "θ", "tau": "τ",
}  # fmt: skip
_FUNCTIONS = frozenset(
    ["sqrt", "exp", "ln", "log", "max", "min", "tanh", "sigmoid", "sign", "tr", "grad", "sum", "softmax"]
)
_SIGNS = {"<-": "←", "->": "→", "<=": "≤", ">=": "≥", "+-": "±", "-": "−", "*": "·", "'": "′"}
_SPACED = frozenset(["ln", "log", "max", "min"])
"""Functions that stand apart from an argument without brackets."""
_BINARY = frozenset(["<-", "->", "<=", ">=", "+-", "-", "+", "*", "/", "=", "<", ">", "^", "_", "~", "|"])
_CLOSING = {"(": ")", "[": "]"}


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    tight: bool = False
    """Whether nothing stands between it and the token before."""
    is_math: bool = False


class _Parser:
    """Reads tokens of one formula, of which every one belongs to it."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def row(self, closing: str = "") -> str:
        """Return everything up to a closing sign, as one element."""
        parts: list[tuple[str, bool]] = []
        while self._at < len(self._tokens) and self._next != closing:
            if self._next == "/" and parts:
                self._at += 1
                above, tight = parts.pop()
                while tight and parts and not parts[-1][0].startswith("<mo>"):
                    more, tight = parts.pop()
                    above = f"<mrow>{more}{above}</mrow>"
                below = _bare(self._atom())
                parts.append((f"<mfrac>{_bare(above)}{below}</mfrac>", False))
            else:
                tight = self._tokens[self._at].tight
                parts.append((self._atom(), tight))
        self._at += 1
        row = "".join(part for part, _ in parts)
        return row if len(parts) == 1 else f"<mrow>{row}</mrow>"

    def _atom(self) -> str:
        """Return one number, name or group, with its powers and indices."""
        base = self._base()
        while True:
            if self._next == "'":
                self._at += 1
                base = f"<msup>{base}<mo>′</mo></msup>"
            elif self._next in ("^", "_"):
                name = "msup" if self._next == "^" else "msub"
                self._at += 1
                base = f"<{name}>{base}{_bare(self._script())}</{name}>"
            elif self._is_star():
                self._at += 1
                base = f"<msup>{base}<mo>∗</mo></msup>"
            elif self._next == "(" and self._tokens[self._at].tight and base.endswith(("</mi>", "</msub>", "</msup>")):
                base = f"<mrow>{base}{self._base()}</mrow>"
            else:
                return base

    def _is_star(self) -> bool:
        """Return whether an asterisk follows that marks the best value, as in f*, and multiplies nothing."""
        if self._next != "*" or not self._tokens[self._at].tight:
            return False
        after = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None
        return after is None or after.kind == "close" or not after.tight

    def _script(self) -> str:
        """Return a power or an index: one number, name or group, with a sign before it."""
        if self._next in ("-", "+"):
            sign = _SIGNS.get(self._next, "+")
            self._at += 1
            return f"<mrow><mo>{sign}</mo>{self._script()}</mrow>"
        return self._base()

    def _base(self) -> str:
        if self._at >= len(self._tokens):
            return "<mrow></mrow>"
        token = self._tokens[self._at]
        self._at += 1
        if token.kind == "number":
            return f"<mn>{text(token.text)}</mn>"
        if token.kind == "open":
            closing = _CLOSING[token.text]
            return f'<mrow class="in"><mo>{token.text}</mo>{self.row(closing)}<mo>{closing}</mo></mrow>'
        if token.text == "|":
            return f"<mrow><mo>|</mo>{self.row('|')}<mo>|</mo></mrow>"
        if token.text == "sqrt":
            return f"<msqrt>{_bare(self._base())}</msqrt>"
        if token.text in _SPACED and self._next not in ("(", "_", "^"):
            return f'<mo form="prefix" lspace="0.17em" rspace="0.17em">{token.text}</mo>'
        if token.kind == "word":
            return _name(token.text)
        return f"<mo>{text(_SIGNS.get(token.text, token.text))}</mo>"


def _name(word: str) -> str:
    indexed = re.fullmatch(r"([A-Za-z])(\d+)|([A-Za-z]+)_([A-Za-z]+)", word)
    if indexed is not None:
        base, index = (indexed[1], f"<mn>{indexed[2]}</mn>") if indexed[1] else (indexed[3], f"<mi>{indexed[4]}</mi>")
        return f"<msub><mi>{base}</mi>{index}</msub>"
    sign = {"sum": "<mo>∑</mo>", "grad": "<mo>∇</mo>"}.get(word)
    return sign or f"<mi>{text(_GREEK.get(word, word))}</mi>"


def _bare(part: str) -> str:
    """Return a group without its brackets: the line of a fraction or a root does their work."""
    head, tail = '<mrow class="in"><mo>(</mo>', "<mo>)</mo></mrow>"
    inner = part[len(head) : -len(tail)]
    whole = part.startswith(head) and part.endswith(tail)
    return inner if whole and '<mrow class="in"><mo>(</mo>' not in inner else part


def as_html(formula: str) -> str:
    """Return a formula of a lesson as HTML: its words as text, its formulas as MathML."""
    tokens = _tokens(" ".join(formula.split()))
    parts: list[str] = []
    at = 0
    while at < len(tokens):
        end = at
        while end < len(tokens) and (tokens[end].is_math or (tokens[end].kind == "space" and end > at)):
            end += 1
        while end > at and (tokens[end - 1].kind == "space" or _dangles(tokens[end - 1])):
            end -= 1
        run = [token for token in tokens[at:end] if token.kind != "space"]
        if _is_formula(run):
            parts.append(f'<math display="inline">{_Parser(run).row()}</math>')
        else:
            end = max(end, at + 1)
            parts += [text(_SIGNS[t.text] if t.text in ("<-", "<=", ">=") else t.text) for t in tokens[at:end]]
        at = end
    return "".join(parts)


def _dangles(token: _Token) -> bool:
    """Return whether a sign lacks what stands after it: words, which are no part of the formula."""
    return token.text in _BINARY - {"|"} and not (token.text == "*" and token.tight)


def _is_formula(run: list[_Token]) -> bool:
    """Return whether tokens are more than a number or a sign between words, and their brackets fit."""
    opened: list[str] = []
    for token in run:
        if token.kind == "open":
            opened.append(_CLOSING[token.text])
        elif token.kind == "close" and (not opened or opened.pop() != token.text):
            return False
    if opened or sum(token.text == "|" for token in run) % 2:
        return False
    return any(token.kind == "word" for token in run) or (
        len(run) > 2 and any(token.text in _BINARY for token in run) and any(token.kind == "number" for token in run)
    )


def _tokens(formula: str) -> list[_Token]:
    tokens = [_Token(str(found.lastgroup), found[0]) for found in _TOKEN.finditer(formula)]
    for before, token in pairwise(tokens):
        token.tight = before.kind != "space"
    solid = [token for token in tokens if token.kind != "space"]
    for index, token in enumerate(solid):
        before = solid[index - 1] if index else None
        token.is_math = _is_math(token, before, solid[index + 1] if index + 1 < len(solid) else None)
    _mark_brackets(solid)
    for token, after in zip(reversed(solid[:-1]), reversed(solid), strict=False):
        if token.text in _FUNCTIONS and not after.is_math:
            token.is_math = False
    return tokens


def _is_math(token: _Token, before: _Token | None, after: _Token | None) -> bool:
    if token.kind in ("number", "operator"):
        return True
    if token.kind != "word":
        return False
    name = token.text
    if name in ("a", "I"):
        return bool({each.text for each in (before, after) if each is not None} & (_BINARY | _FUNCTIONS))
    if len(name) == 1 or name in _GREEK or name in _FUNCTIONS or re.fullmatch(r"[A-Za-z](\d+)|\w{1,3}_\w\w", name):
        return True
    if len(name) == 2 and before is not None and before.text == "'" and token.tight:
        return True  # x'Hx
    return after is not None and after.tight and after.text == "_"


def _mark_brackets(solid: list[_Token]) -> None:
    """Mark brackets that hold nothing but a formula, from the inner ones to the outer ones, and commas in them."""
    stack: list[int] = []
    for index, token in enumerate(solid):
        if token.kind == "open":
            stack.append(index)
        elif token.kind == "close" and stack:
            begin = stack.pop()
            inside = solid[begin + 1 : index]
            numbers_alone = all(each.kind in ("number", "other") for each in inside) and not solid[begin].tight
            if inside and not numbers_alone and all(each.is_math or each.text == "," for each in inside):
                for each in solid[begin : index + 1]:
                    each.is_math = True
