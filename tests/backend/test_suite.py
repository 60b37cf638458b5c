"""Every case of the conformance suite, for both targets; ``tests/exclusions.toml`` tells which do not pass, and why."""

from __future__ import annotations

import pytest

from tests.backend import cases

_LONG = {"constants": pytest.mark.conformance}
"""Groups that `make test-conformance` runs, and `make test` does not."""


_CASES = [pytest.param(case, marks=_LONG.get(group, ())) for group in cases.GROUPS for case in cases.cases(group)]


@pytest.mark.parametrize("target", cases.TARGETS)
@pytest.mark.parametrize("case", _CASES, ids=str)
def test_case(case, target, request):
    reason = cases.excluded(case, target)
    if reason:  # strict: a case that passes after all must leave the list
        strict = any(case.name in cases.EXCLUSIONS[key] for key in ("both", target))
        request.applymarker(pytest.mark.xfail(reason=reason, strict=strict))
    cases.run(case, target)
