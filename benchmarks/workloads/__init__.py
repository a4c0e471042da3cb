"""The workloads by name, in the order of the table."""

from __future__ import annotations

from benchmarks.workloads import (
    batch,
    gaussian_process,
    hamiltonian,
    kmeans,
    logistic,
    logsumexp,
    mixture,
    mlp,
    softmax,
    speelpenning,
    window,
)

WORKLOADS = {
    module.WORKLOAD.name: module.WORKLOAD
    for module in (
        logistic, logsumexp, mixture, kmeans, softmax, mlp, window, gaussian_process,
        batch, hamiltonian, speelpenning,
    )
}  # fmt: skip
