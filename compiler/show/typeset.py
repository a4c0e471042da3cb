r"""Typeset names and numbers as LaTeX: `lam` as `\lambda`, 0.001 as `10^{-3}`."""

from __future__ import annotations

import keyword
import math
import re

from overbar.ir.ops.row import ATOM, POWER, PRODUCT, SUM, UNARY
from overbar.ir.source import printable
from overbar.ir.text import Written, number

GREEK = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota",
    "kappa", "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon",
    "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi",
    "Sigma", "Upsilon", "Phi", "Psi", "Omega",
]  # fmt: skip
_SPELLED = {name: rf"\{name}" for name in GREEK} | {
    "lam": r"\lambda",
    "eps": r"\varepsilon",
}
_GREEK_LETTER = dict(
    zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", (rf"\{n}" for n in GREEK), strict=True)
)

_ACCENTS = {
    "bar": r"\overline",
    "dot": r"\dot",
    "ddot": r"\ddot",
    "hat": r"\hat",
    "tilde": r"\tilde",
    "vec": r"\vec",
}
_WIDER = {r"\hat": r"\widehat", r"\tilde": r"\widetilde", r"\vec": r"\overrightarrow"}

_ESCAPES = str.maketrans(
    {c: f"\\{c}" for c in "#$%&_{}"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)

_NAMED_NUMBERS: dict[float, Written] = {
    math.e: (r"\mathrm{e}", ATOM),
    math.log(2): (r"\log\left(2\right)", ATOM),
    math.log(10): (r"\log\left(10\right)", ATOM),
    2.0 / math.sqrt(math.pi): (r"\frac{2}{\sqrt{\pi}}", UNARY),  # slope of erf at 0
    math.inf: (r"\infty", ATOM),
}
_RATIO = re.compile(r"(?:(\d+)\*)?(pi|\d+)(?:/(\d+))?")
_LARGEST_SCIENTIFIC = 1e-3


def symbol(name: str) -> str:
    r"""Return how a name is written: Greek, indices and accents as on paper.

    >>> symbol("theta1"), symbol("w_bar"), symbol("x_max"), symbol("loss")
    ('\\theta_{1}', '\\overline{w}', 'x_{\\mathrm{max}}', '\\mathit{loss}')
    """
    shown = printable(name)
    stem = shown.rstrip("_")
    words = stem.split("_")
    if not shown.isidentifier() or not all(words):
        return rf"\text{{{shown.translate(_ESCAPES)}}}"
    primes = len(shown) - len(stem) - keyword.iskeyword(stem)  # `lambda_` is lambda
    whole, below = _base(words[0])
    for word in words[1:]:
        if word in _ACCENTS:
            whole, below = _accented(word, _indexed(whole, below)), []
        else:
            below.append(_index(word))
    return _indexed(whole, below) + "'" * primes


def _base(word: str) -> tuple[str, list[str]]:
    """Return a word's letters and its index: `W1` is W with index 1."""
    found = re.fullmatch(r"([^\W\d_]+)(\d*)", word)
    if found is None:
        return rf"\mathit{{{word}}}", []
    letters, digits = found.groups()
    below = [digits] if digits else []
    if len(letters) == 4 and letters.endswith("hat"):  # yhat
        return _accented("hat", _letter(letters[0])), below
    return _letter(letters), below


def _letter(letters: str) -> str:
    known = _SPELLED.get(letters) or _GREEK_LETTER.get(letters)
    if known:
        return known
    return letters if len(letters) == 1 else rf"\mathit{{{letters}}}"


def _index(word: str) -> str:
    if word.isdigit() or len(word) == 1 or word in _SPELLED:
        return _SPELLED.get(word) or _GREEK_LETTER.get(word, word)
    return rf"\mathrm{{{word}}}"


def _indexed(whole: str, below: list[str]) -> str:
    return f"{whole}_{{{','.join(below)}}}" if below else whole


def _accented(accent: str, whole: str) -> str:
    mark = _ACCENTS[accent]
    wide = len(whole) > 1 and whole[1:] not in GREEK
    return f"{_WIDER.get(mark, mark) if wide else mark}{{{whole}}}"


def typeset_number(value: float) -> Written:
    r"""Return a constant in LaTeX and how tightly it binds.

    >>> typeset_number(1e-3)[0], typeset_number(1 / 3)[0], typeset_number(-2.5e-7)[0]
    ('10^{-3}', '\\frac{1}{3}', '-2.5 \\cdot 10^{-7}')
    """
    if isinstance(value, bool):
        return rf"\text{{{str(value).lower()}}}", ATOM
    if value != value:
        return r"\mathrm{NaN}", ATOM
    if value < 0:
        return "-" + typeset_number(-value)[0], SUM
    if not isinstance(value, int) and value in _NAMED_NUMBERS:
        return _NAMED_NUMBERS[value]
    text = number(value)[0]
    ratio = _RATIO.fullmatch(text)
    return _decimal(text, value) if ratio is None else _ratio(*ratio.groups())


def _ratio(times: str | None, over: str, under: str | None) -> Written:
    top = (times or "") + (r"\pi" if over == "pi" else over)
    if under:
        return rf"\frac{{{top}}}{{{under}}}", UNARY
    return top, PRODUCT if times else ATOM


def _decimal(text: str, value: float) -> Written:
    if 0 < value <= _LARGEST_SCIENTIFIC and "e" not in text:
        text = _scientific(text)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text, SUM if text.startswith("-") else ATOM
    power = f"10^{{{int(exponent)}}}"
    if mantissa == "1":
        return power, POWER
    return rf"{mantissa} \cdot {power}", PRODUCT


def _scientific(text: str) -> str:
    """Return a plain decimal such as 0.0005 with an exponent: 5e-4."""
    digits = text.partition(".")[2]
    significant = digits.lstrip("0")
    places = len(digits) - len(significant) + 1
    point = "." if significant[1:] else ""
    return f"{significant[0]}{point}{significant[1:]}e-{places}"
