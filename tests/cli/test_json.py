"""Test the JSON of `overbar derive` against docs/json.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fences import blocks

if TYPE_CHECKING:
    from conftest import Cli

DOCUMENT = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")


def block(*info: str) -> str:
    """Return the one fenced block with this info string."""
    (found,) = (b.code for b in blocks(DOCUMENT) if b.info == info)
    return found


def derived(cli: Cli, given: str, *words: str) -> dict[str, Any]:
    """Return the JSON of a formula."""
    result = cli("derive", "-", "--format", "json", *words, given=given)
    assert (0, "") == (result.exit_code, result.stderr)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_example_of_the_documentation(cli: Cli) -> None:
    """docs/json.md shows a formula and, word for word, its JSON."""
    given = block("text", "formula")
    result = cli("derive", "-", "--format", "json", "--order", "2", given=given)
    assert block("json") == result.stdout


def fields(value: Any, path: str = "") -> set[str]:
    """Return the paths of all fields of a document, `[]` for a list's items."""
    found: set[str] = set()
    if isinstance(value, list):
        for item in value:
            found |= fields(item, f"{path}[]")
    elif isinstance(value, dict):
        for name, item in value.items():
            inner = f"{path}.{name}".lstrip(".")
            found |= {inner} | fields(item, inner)
    return found


def test_every_field_is_documented(cli: Cli) -> None:
    """The tables of docs/json.md have a row for every field, and no other rows."""
    documented = set(re.findall(r"^\| `([^`]+)` \|", DOCUMENT, re.MULTILINE))
    named = re.compile(r"(adjoints|operations)\..*")
    shown = fields(json.loads(block("json")))
    rewritten = fields(derived(cli, "log(1 + exp(x))"))
    curved = fields(derived(cli, "x: param[n]\nsum(x**3)", "--order", "2"))
    every = shown | rewritten | curved
    found = {named.sub(r"\1.NAME", path) for path in every}
    assert documented == found


def test_format_and_version(cli: Cli) -> None:
    """A reader finds out at once what it has before it."""
    found = derived(cli, "x*y")
    assert ["format", "version"] == list(found)[:2]
    assert ("overbar-derivation", 1) == (found["format"], found["version"])


def test_lines_and_roles(cli: Cli) -> None:
    """Inputs have roles, defaults and lines; statements the user's lines."""
    given = "w: param\nx: data = -inf\n\na = w*x\nJ = sin(a)\nJ\n"
    found = derived(cli, given)
    assert [
        {"name": "w", "role": "param", "type": "float64", "default": None, "line": 1},
        {"name": "x", "role": "data", "type": "float64", "default": "-inf", "line": 2},
    ] == found["inputs"]
    assert [
        {"name": "a", "expression": "w*x", "line": 4},
        {"name": "J", "expression": "sin(a)", "line": 5},
    ] == found["statements"]["forward"]
    assert {"w": "w_bar"} == found["adjoints"]
    assert "w_bar" == found["statements"]["adjoint"][-1]["name"]


def test_several_outputs(cli: Cli) -> None:
    """Several outputs have seeds, and no cost yet."""
    found = derived(cli, "a = x\nb = 2*x\na, b")
    assert (["a", "b"], None) == (found["outputs"], found["cost"])


def test_second_order(cli: Cli) -> None:
    """Second derivatives are named by pair, and stated in a part of their own."""
    found = derived(cli, "x*y", "--order", "2")
    pairs = [entry["of"] for entry in found["second_derivatives"]]
    assert [["x", "x"], ["y", "x"], ["y", "y"]] == pairs
    names = {entry["name"] for entry in found["second_derivatives"]}
    stated = [s for part in found["statements"].values() for s in part]
    assert names <= {statement["name"] for statement in stated}


def test_kinks_and_rewrites(cli: Cli) -> None:
    """Kinks and rewrites are listed with their lines."""
    found = derived(cli, "a = abs(x)\nb = log(1 + exp(x))\na*b", "--kinks", "left")
    (kink,) = found["kinks"]
    assert (1, "kink") == (kink["line"], kink["kind"])
    assert [2] == sorted({rewrite["line"] for rewrite in found["rewrites"]})


@pytest.mark.parametrize("given", ["λ*λ", '"""\u202e \u2028 ü"""\nx*x'])
def test_ascii(cli: Cli, given: str) -> None:
    """The JSON is ASCII, whatever the formula's letters."""
    assert cli("derive", "-", "--format", "json", given=given).stdout.isascii()


def test_hessian_products(cli: Cli) -> None:
    """In arrays the Hessian's product with a direction is stated, by input."""
    found = derived(cli, "x: param[n]\na: param\na*sum(x**3)", "--order", "2")
    expected = [
        {"of": name, "direction": f"{name}_dot", "name": f"{name}_bar_dot"}
        for name in ("x", "a")
    ]
    assert expected == found["hessian_products"]
    assert not found["second_derivatives"]
    stated = [s["name"] for s in found["statements"]["hessian"]]
    assert {"x_bar_dot", "a_bar_dot"} <= set(stated)
