"""Gradient check (CS224N, Lecture 4): f'(x) ~ (f(x + h) - f(x - h)) / (2h).

Two-sided, because it is far more accurate than one-sided: for x^3 the one-sided
quotient is off by 3xh + h^2, the two-sided one by h^2. Both lose their digits again
where h is so small that f(x + h) and f(x - h) cancel.
"""

from pathlib import Path

import overbar as ob

f = ob.load(Path(__file__).with_suffix(".expr"))
x = 4.0
slope = f.grad(x).x
assert slope == 48.0

print("     h   one-sided error   two-sided error")
for digits in range(1, 13):
    h = 10.0**-digits
    one_sided = abs((f(x + h) - f(x)) / h - slope)
    two_sided = abs((f(x + h) - f(x - h)) / (2 * h) - slope)
    print(f"{h:6.0e}  {one_sided:16.1e}  {two_sided:16.1e}")
    rounding = 1e-13 / h  # of values of about 64, to 53 bits, divided by h
    assert abs(one_sided - (3 * x * h + h * h)) <= rounding
    assert abs(two_sided - h * h) <= rounding

# Every compiled function can be checked so; what decides is the same quotient in
# arithmetic of 50 digits, where nothing cancels.
J = ob.load(Path(__file__).with_name("l1_regression.expr"))
report = J.check(w=0.5, b=-0.25, x=2.0, t=1.0)
print(f"\n{report}")
assert report
assert [row.name for row in report.rows] == ["w", "b"]
assert all(abs(row.difference - row.gradient) < 1e-8 for row in report.rows)
