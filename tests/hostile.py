"""Say how a stranger may attack, and by which doors: the two sides of a matrix.

An attack is a class of texts. A route makes what is needed of a text beforehand and
returns what hands it to Overbar; that returns a compiled function if it was accepted.
"""

from __future__ import annotations

import dataclasses
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import sympy as sp
from click.testing import CliRunner

import overbar as ob
from overbar.cli import overbar
from overbar.codegen import load
from overbar.ir.flat import flatten
from overbar.ir.ops import OPS

if TYPE_CHECKING:
    from collections.abc import Callable

ATTACKS: dict[str, tuple[str, ...]] = {
    "dunder": (
        "__import__('os').system('touch canary')",
        "().__class__.__base__.__subclasses__()",
        "__builtins__",
        "__x",
    ),
    "call": ("open('canary', 'w')", 'exec(\'open("canary", "w")\')', "eval('1')"),
    "f-string": ('f\'{__import__("os").system("touch canary")}\'', "{x.__class__}"),
    "walrus": ("(x := open('canary', 'w'))", "x:=1"),
    "lambda": ("(lambda: open('canary', 'w'))()", "lambda: x"),
    "comprehension": (
        "[open('canary', 'w') for _ in (1,)]",
        "[c for c in ().__class__.__bases__]",
        "{open('canary', 'w'): 1 for _ in (1,)}",
    ),
    "look-alike": (
        "\uff45\uff56\uff41\uff4c",
        "\U0001d41e\U0001d431\U0001d41e\U0001d41c",
        "\N{CYRILLIC SMALL LETTER A}",
        "\ufb01le",
    ),
    "NFKC": ("_\ufe4dimport_\ufe4d('os')", "_\uff3fclass__", "x\u00b2"),
    "NUL": ("\0", "x\0y", "x\0import os"),
    "newline": (
        "x\nimport os\nos.system('touch canary')",
        "x\rimport os",
        "x\u2028import os",
        "x\x0cimport os",
        "x\x85import os",
    ),
    "direction": ("x\u202ey", "\u2066x\u2069", "x\u200by", "\ufeffx"),
    "surrogate": ("x\ud800", "\udcff"),
    "quotes": (
        '"""\nimport os\n"""',
        '""" + open("canary", "w") + """',
        "a\\",
        "'; import os; '",
        "# x",
    ),
    "shell": ("$(touch canary)", "`touch canary`", "; touch canary", "| touch canary"),
    "path": ("../canary", "~/canary", "/nowhere/canary", "C:\\canary", "."),
    "format": ("{0.__class__}", "%s%n", "%(x)s", "${x}"),
    "terminal": ("\x1b]0;canary\x07", "\x1b[2J", "x\b\b"),
    "words": ("exec", "open", "os", "np", "int", "njit", "import", "lambda", "class"),
    "size": (
        "9**9**9**9",
        "x**9**9**9",
        "1e999999999",
        "factorial(10**9)",
        "x" * 100_000,
        "9" * 100_000,
        "(" * 100_000,
        "-" * 1_000_000 + "1",
        "sin(" * 1000 + "x" + ")" * 1000,
    ),
}


class Attempt(NamedTuple):
    """Hold what hands a text over, and the only files that it may write."""

    act: Callable[[], object]
    files: tuple[str, ...] = ()


# -- texts -----------------------------------------------------------------------------

TEXTS = {
    "a text": "{}",
    "a comment": "x*x  # {}",
    "a docstring": '"""{}"""\nx*x',
    "a declared name": "{}: param\nx*x",
    "a role": "x: {}\nx*x",
    "a default": "x: param = {}\nx*x",
    "an assigned name": "{} = x\nx*x",
    "a function's name": "def {}(a): return a\nx*x",
    "a function's argument": "def f({}): return 1\nf(x)",
    "a called function": "{}(x)",
    "a condition": "x if {} else 1",
    "after a line continued": "x*\\\n{}",
}


def _text(template: str) -> Callable[[str], Attempt]:
    def route(attack: str) -> Attempt:
        text = template.replace("{}", attack)
        return Attempt(lambda: ob.compile(text, backend="python"))

    return route


def _file(attack: str) -> Attempt:
    Path("f.expr").write_bytes(attack.encode(errors="surrogatepass"))
    return Attempt(lambda: ob.load("f.expr", backend="python"))


# -- Python objects --------------------------------------------------------------------

X = sp.Symbol("x")
F = ob.compile("x*y", backend="python")


def _symbolic(make: Callable[[str], Any], **more: Any) -> Callable[[str], Attempt]:
    def route(attack: str) -> Attempt:
        given = make(attack)
        return Attempt(lambda: ob.compile(given, backend="python", **more))

    return route


def _python(act: Callable[[str], object]) -> Callable[[str], Attempt]:
    return lambda attack: Attempt(lambda: act(attack))


def _own_op(attack: str) -> object:
    def mine(x: float) -> float:
        return x

    mine.__name__ = attack
    before = dict(OPS)
    try:
        return ob.compile(
            ob.op(attack, mine, lambda x: 1)(ob.param("x")), backend="python"
        )
    finally:
        OPS.clear()
        OPS.update(before)


def _expression(attack: str) -> object:
    return ob.compile(ob.param(attack) * 2, backend="python")


def _option(name: str) -> Callable[[str], Attempt]:
    return _python(lambda a: ob.compile("x*x", **{"backend": "python", name: a}))


SYMBOLIC = {
    "a SymPy symbol": _symbolic(lambda a: sp.Symbol(a) * X),
    "a SymPy dummy": _symbolic(lambda a: sp.Dummy(a) * X),
    "a SymPy function": _symbolic(lambda a: sp.Function(a)(X)),
    "a SymPy class": _symbolic(lambda a: type(a, (sp.Function,), {})(X)),
    "a SymPy matrix": _symbolic(lambda a: sp.MatrixSymbol(a, 2, 2)),
    "a SymPy bound symbol": _symbolic(
        lambda a: sp.Sum(X ** sp.Symbol(a), (sp.Symbol(a), 1, 3))
    ),
    "a SymPy input": _symbolic(lambda a: X, inputs=None),
    "a key of SymPy outputs": _symbolic(lambda a: {a: X * X}),
    "a key of outputs": _symbolic(lambda a: {a: ob.param("x") * 2}),
}
PYTHON = {
    "ob.param": _python(_expression),
    "ob.data": _python(lambda a: ob.compile(ob.data(a) * 2, backend="python")),
    "ob.let": _python(
        lambda a: ob.compile(ob.let(a, ob.param("x")) * 2, backend="python")
    ),
    "a default in Python": _python(lambda a: ob.param("x", default=a)),
    "a dtype": _python(lambda a: ob.param("x", dtype=a)),
    "ob.op": _python(_own_op),
    "ob's attributes": _python(lambda a: getattr(ob, a, None) and None),
    "inputs=": _python(lambda a: ob.compile("x*x", inputs=[a])),
    "inputs= of SymPy": _python(
        lambda a: ob.compile(X, None, [X, sp.Symbol(a)], backend="python")
    ),
    "wrt=": _option("wrt"),
    "name=": _option("name"),
    "kinks=": _option("kinks"),
    "accuracy=": _option("accuracy"),
    "reduce=": _option("reduce"),
    "backend=": _option("backend"),
    "an argument": _python(lambda a: F(a, 1.0)),
    "an argument's name": _python(lambda a: F(1.0, 1.0, **{a: 1.0})),
    "arguments of vjp": _python(lambda a: F.vjp({"x": 1.0, a: 1.0}, 1.0)),
    "a seed": _python(lambda a: F.vjp((1.0, 1.0), a)),
    "tangents": _python(lambda a: F.jvp((1.0, 1.0), {"x": 1.0, a: 1.0})),
    "a point of explain": _python(lambda a: F.explain(a, 1.0)),
    "a point of a picture": _python(lambda a: F.draw({"x": 1.0, a: 1.0})),
    "ob.load": _python(ob.load),
}


def _save(attack: str) -> Attempt:
    name = f"{attack}.py"
    return Attempt(lambda: bool(F.save(name)) and None, (name,))


# -- what lies on the disk -------------------------------------------------------------


def _pickle(attack: str) -> Attempt:
    """Put a name into a pickle of ours: whoever can do that cannot reach source."""
    flat = flatten(F.graph)
    content = _renamed(flat.content, attack)
    argument = F.signature.arguments
    renamed = [
        dataclasses.replace(a, name=n, members=(n,))
        for a, n in zip(argument, (attack, "y"), strict=True)
    ]
    options = dataclasses.replace(F.options, wrt=(attack, "y"))
    make, (kind, *_) = F.__reduce__()
    data = pickle.dumps((flat._replace(content=content), tuple(renamed), options))
    parts = pickle.loads(data)

    def act() -> object:
        f = make(kind, *parts)
        f(1.0, 2.0)
        return f

    return Attempt(act)


def _renamed(content: Any, name: str) -> Any:
    if isinstance(content, tuple):
        return tuple(_renamed(part, name) for part in content)
    return name if content == "x" else content


def _cached(attack: str) -> Attempt:
    """Put a text into a cached module; the right one is executed and put back."""
    f = ob.compile("x*x + 0.375", backend="python", name="cached")
    module = f.runtime.module("value")
    path = Path(str(module.__file__))
    path.chmod(0o600)
    path.write_bytes(f"import os\n{attack}\n".encode(errors="surrogatepass"))
    name = module.__name__.rpartition(".")[2]

    def act() -> object:
        load._MODULES.made.pop(name)
        again = ob.compile("x*x + 0.375", backend="python", name="cached")
        assert again(2.0) == 4.375
        assert path.read_text(encoding="utf-8") == again.source
        return again

    return Attempt(act)


# -- the command line ------------------------------------------------------------------


def _cli(
    *words: str, given: str = "x*x", files: tuple[str, ...] = ()
) -> Callable[[str], Attempt]:
    def route(attack: str) -> Attempt:
        command = [word.replace("{}", attack) for word in words]
        data = given.replace("{}", attack).encode(errors="surrogatepass")
        allowed = tuple(file.replace("{}", attack) for file in files)
        return Attempt(lambda: _run(command, data), allowed)

    return route


def _run(command: list[str], data: bytes = b"x*x") -> None:
    result = CliRunner().invoke(overbar, command, input=data)
    assert result.exit_code in {0, 1, 2}, result.exception
    assert "Traceback" not in result.stderr
    assert all(c.isprintable() or c in "\n\r" for c in result.stderr)


def _cli_file(attack: str) -> Attempt:
    Path("f.expr").write_bytes(attack.encode(errors="surrogatepass"))
    return Attempt(lambda: _run(["derive", "f.expr", "--format", "source"]))


def _csv(template: str) -> Callable[[str], Attempt]:
    def route(attack: str) -> Attempt:
        content = template.replace("{}", attack)
        Path("a.csv").write_bytes(content.encode(errors="surrogatepass"))
        return Attempt(lambda: _run(["eval", "-", "--data", "a.csv"]))

    return route


class Bomb:
    """Write a file when it is unpickled."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a pickle runs."""
        return open, ("canary", "w", -1, None, None, self.text)


def _pickled_array(attack: str) -> Attempt:
    np.savez("a.npz", x=np.array([Bomb(attack)], dtype=object))
    return Attempt(lambda: _run(["eval", "-", "--data", "a.npz"]))


def _array_name(attack: str) -> Attempt:
    np.savez("b.npz", x=np.ones(2))
    with zipfile.ZipFile("b.npz") as whole, zipfile.ZipFile("a.npz", "w") as archive:
        archive.writestr(f"{attack}.npy", whole.read("x.npy"))
    return Attempt(lambda: _run(["eval", "-", "--data", "a.npz"]))


def _bare_pickle(attack: str) -> Attempt:
    Path("a.npz").write_bytes(pickle.dumps(Bomb(attack)))
    return Attempt(lambda: _run(["eval", "-", "--data", "a.npz"]))


CLI = {
    "a file of the CLI": _cli_file,
    "standard input": _cli("derive", "-", given="{}"),
    "standard input, to source": _cli("derive", "-", "--format", "source", given="{}"),
    "standard input, to SVG": _cli("derive", "-", "--format", "svg", given="{}"),
    "a file's name": _cli("derive", "--", "{}"),
    "--at": _cli("eval", "-", "--at", "{}"),
    "a value of --at": _cli("eval", "-", "--at", "x={}"),
    "a name of --at": _cli("eval", "-", "--at", "{}=1"),
    "a value of check": _cli("check", "-", "--at", "x={}"),
    "a value of a picture": _cli("derive", "-", "--format", "svg", "--at", "x={}"),
    "--wrt": _cli("derive", "-", "--wrt", "{}"),
    "--kinks": _cli("derive", "-", "--kinks", "{}"),
    "--accuracy": _cli("derive", "-", "--accuracy", "{}"),
    "--order": _cli("derive", "-", "--order", "{}"),
    "--format": _cli("derive", "-", "--format", "{}"),
    "--seed": _cli("check", "-", "--seed", "{}"),
    "a command": _cli("{}"),
    "an option": _cli("derive", "-", "--{}"),
    "-o": _cli("derive", "-", "-o", "{}", files=("{}",)),
    "-o of a picture": _cli("derive", "-", "-o", "{}.svg", files=("{}.svg",)),
    "-o of a module": _cli("build", "-", "-o", "{}.py", files=("{}.py",)),
    "--data": _cli("eval", "-", "--data", "{}"),
    "a CSV header": _csv("x,{}\n1,2\n"),
    "a CSV cell": _csv("x\n{}\n"),
    "a pickled array": _pickled_array,
    "a bare pickle": _bare_pickle,
    "an array's name": _array_name,
}

ROUTES: dict[str, Callable[[str], Attempt]] = {
    **{name: _text(template) for name, template in TEXTS.items()},
    "a file": _file,
    **SYMBOLIC,
    **PYTHON,
    "f.save": _save,
    "a pickle of ours": _pickle,
    "a cached module": _cached,
    **CLI,
}
