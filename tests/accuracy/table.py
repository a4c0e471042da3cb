import sys, time
from formulas import Case
from listed import LISTED
from heldout import HELD_OUT
from measure import Subject, derivatives
from overbar.ir.text import write
import numpy as np
from overbar.ir.text import Writer

sel = {"listed": LISTED, "heldout": HELD_OUT}[sys.argv[1]]
levels = sys.argv[2].split(",")
pat = sys.argv[3] if len(sys.argv) > 3 else ""
t0 = time.time()
for i, case in enumerate(sel):
    d = derivatives(case, "strict")
    text = Writer({}).write(d.graph.outputs["f"])[0]
    if pat and pat not in text:
        continue
    s = Subject(case)
    t = time.time()
    out = []
    for level in levels:
        e = s.errors(level)
        out.append("  ".join(f"{x:9.3g}" for x in e))
    bad = max(e) > case.limit
    print(
        f"{i:3d} {text[:60]:60s} {' | '.join(out)} {'BAD' if bad else ''} {time.time() - t:.2f}",
        flush=True,
    )
print(time.time() - t0)
