"""Draw the pictures of the documents anew: `python docs/make_pictures.py`."""  # noqa: INP001 - a script

from __future__ import annotations

from pathlib import Path

import overbar as ob

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
L1, L2 = EXAMPLES / "l1_regression.expr", EXAMPLES / "l2_mlp.expr"
L5 = """a = x + y
b = max(y, z)
f = a*b"""


def pictures() -> dict[str, str]:
    """Return the SVG text of each picture by its file's name."""
    return {
        # CS224N's worked example
        "l5.svg": ob.compile(L5).draw(x=1, y=2, z=0),
        # Grosse's regression, at numbers that are easy to follow
        "l1.svg": ob.load(L1).draw(w=0.5, b=-1, x=2, t=1, lam=0.1),
        # Grosse's two-layer network, small enough to show its arrays
        "l2.svg": ob.load(L2).draw(
            W1=[[1, 0], [0.5, -1], [-2, 1]],
            b1=[0, 1, 0.5],
            W2=[[1, -1, 2]],
            b2=[0.5],
            x=[1, 2],
            t=[1],
        ),
    }


if __name__ == "__main__":
    for name, svg in pictures().items():
        (HERE / name).write_text(svg, encoding="utf-8")
