"""Fit how people choose between air, train, bus and car: a nested logit by Overbar.

210 travellers between Sydney and Melbourne (Greene's data, which statsmodels ships).
The utility V of a mode falls with its cost and with waiting at its terminal; the three
modes on the ground share what is not observed. Likelihood, exact gradient and Hessian
give estimates and standard errors; a Jacobian gives the elasticities of the shares.
The references are the estimates that Greene prints (Econometric Analysis, 5th ed.).
"""

from typing import Any

import numpy as np
import statsmodels.api as sm
from scipy.optimize import minimize

import overbar as ob

MODES = ("air", "train", "bus", "car")
NAMES = ("air", "train", "bus", "cost", "wait", "income", "tau_fly", "tau_ground")

# -- the model -----------------------------------------------------------------------

a = ob.param("a", (3,))  # what speaks for air, train and bus, over the car
b_cost, b_wait, b_income = ob.param("cost"), ob.param("wait"), ob.param("income")
tau = ob.param("tau", (2,))  # 1 and 1: no nests, McFadden's conditional logit
cost, wait = ob.data("gc", ("N", 4)), ob.data("ttme", ("N", 4))
income, chosen = ob.data("hinc", ("N",)), ob.data("mode", ("N",), dtype="int64")


def log_probabilities(cost: Any) -> Any:
    """Return log p of each mode for each traveller, (N, 4)."""
    V = np.concatenate([a, [0.0]]) + b_cost * cost + b_wait * wait
    ground = ob.logsumexp(V[:, 1:], axis=1)
    nests = np.stack([tau[0] * V[:, 0] + b_income * income, tau[1] * ground], axis=1)
    log_nest = ob.log_softmax(nests, axis=1)
    log_ground = log_nest[:, 1:] + ob.log_softmax(V[:, 1:], axis=1)
    return np.concatenate([log_nest[:, :1], log_ground], axis=1)


params, data = [a, b_cost, b_wait, b_income], [cost, wait, income]
log_p = log_probabilities(cost)
nll = {"nll": -np.sum(log_p[ob.arange(income.shape[0]), chosen])}
conditional = ob.compile(nll, wrt=params, inputs=[*params, tau, *data, chosen])
nested = ob.compile(nll, inputs=[*params, tau, *data, chosen])

# How the shares of the modes go with a rise in each mode's cost, of which 1 is e-fold.
rise = ob.param("rise", (4,))
shares = ob.compile(
    {"shares": np.mean(np.exp(log_probabilities(cost * np.exp(rise))), axis=0)},
    wrt=rise,
    inputs=[*params, tau, *data, rise],
)

# -- the data ------------------------------------------------------------------------

table = sm.datasets.modechoice.load_pandas().data
columns = {name: table[name].to_numpy().reshape(-1, 4) for name in table}
given = (columns["gc"], columns["ttme"], columns["hinc"][:, 0])
mode = columns["choice"].argmax(axis=1)


def fit(f: Any, start: np.ndarray, *more: Any) -> tuple[Any, np.ndarray]:
    """Return SciPy's result, and the standard errors from the exact Hessian."""
    args = (*more, *given, mode)
    result = minimize(
        f.flat.value_and_grad,
        start,
        args=args,
        jac=True,
        hess=f.flat.hessian,
        method="trust-exact",
        options={"gtol": 1e-8, "maxiter": 200},
    )
    covariance = np.linalg.inv(f.flat.hessian(result.x, *args))
    return result, np.sqrt(np.diag(covariance))


plain, plain_errors = fit(conditional, np.zeros(6), np.ones(2))
nests, nests_errors = fit(nested, np.append(plain.x, [1.0, 1.0]))

print("              conditional logit         nested logit")
for i, name in enumerate(NAMES):
    left = f"{plain.x[i]:9.4f} +- {plain_errors[i]:.4f}" if i < 6 else " " * 19
    print(f"{name:12} {left:>20} {nests.x[i]:9.4f} +- {nests_errors[i]:.4f}")
print(f"log p        {-plain.fun:9.3f}            {-nests.fun:9.3f}")
np.testing.assert_allclose(
    plain.x, [5.2074, 3.8690, 3.1632, -0.015501, -0.096125, 0.013287], rtol=1e-3
)
np.testing.assert_allclose(
    nests.x, [6.042, 5.065, 4.096, -0.03159, -0.1126, 0.01533, 0.586, 0.3889], rtol=1e-3
)
np.testing.assert_allclose(-plain.fun, -199.1284, atol=1e-3)
np.testing.assert_allclose(-nests.fun, -193.6561, atol=1e-3)

# -- elasticities: per cent of a share for 1 % of the cost of a mode -----------------

at = (nests.x[:3], *nests.x[3:6], nests.x[6:], *given, np.zeros(4))
share, slope = shares(*at), shares.jacobian(*at)
print("\nof      share   with the cost of", *(f"{m:>6}" for m in MODES))
for name, part, row in zip(MODES, share, slope / share[:, None], strict=True):
    print(f"{name:6} {part:6.3f}                  ", *(f"{e:6.2f}" for e in row))
np.testing.assert_allclose(share.sum(), 1.0)
np.testing.assert_allclose(slope.sum(axis=0), 0.0, atol=1e-12)  # somebody's loss
assert all(np.diag(slope) < 0)
