"""Random networks are converted and raise no false alarm; ``python -m tests.random_networks`` runs more of them."""

from __future__ import annotations

import pytest

from tests.random_networks.campaign import KINDS, outcomes

_FEW = 6
"""Networks of each kind in a plain run of the tests; ``make test-random`` runs two hundred."""


@pytest.mark.parametrize("seed", [*range(_FEW), *(pytest.param(seed, marks=pytest.mark.random) for seed in range(_FEW, 200))])
@pytest.mark.parametrize("kind", KINDS)
def test_random_networks_are_equal(kind, seed):
    failed = [outcome for outcome in outcomes(kind, seed) if outcome.result == "failed"]
    assert not failed, "\n".join(f"{outcome.target}: {outcome.reason}" for outcome in failed)
