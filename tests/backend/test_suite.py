"""Every case of the conformance suite, for both targets; ``tests/exclusions.toml`` tells which do not pass, and why."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.backend import cases

pytestmark = pytest.mark.conformance  # `make test-conformance`
EXCLUSIONS = tomllib.loads((Path(__file__).parents[1] / "exclusions.toml").read_text())


@pytest.mark.parametrize("target", cases.TARGETS)
@pytest.mark.parametrize("case", [case for group in cases.GROUPS for case in cases.cases(group)], ids=str)
def test_case(case, target):
    reason = EXCLUSIONS.get(target, {}).get(case.name)
    if reason:
        pytest.skip(reason)
    cases.run(case, target)
