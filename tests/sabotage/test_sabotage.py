"""Verification finds planted faults, names the layer, and raises no alarm where there is none.

``make test`` plants each third kind of fault in one network, in PyTorch; ``make test-sabotage`` all of them in all networks and
both targets. ``python -m tests.sabotage`` prints what becomes of each.
"""

from __future__ import annotations

import functools

import pytest

import converter
from tests.sabotage import networks
from tests.sabotage.campaign import Outcome, Subject, faults, file_outcomes, graph_outcomes, outcomes
from tests.sabotage.expectations import reason


@functools.cache
def subject(name: str, target: str, folder) -> Subject:
    return Subject(name, target, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sabotage")


def check(found: list[Outcome]) -> None:
    """Every fault is caught, or said to be equivalent; a mutant may change nothing."""
    wrong = []
    for outcome in found:
        if outcome.verdict == "missed":
            wrong.append(f"missed: {outcome.fault} at {outcome.layer} of {outcome.network}: {outcome.detail}")
        if outcome.verdict == "equivalent" and outcome.planted != "mutants" and not reason(outcome.fault, outcome.network):
            wrong.append(f"no input was found that shows it: {outcome.fault} at {outcome.layer} of {outcome.network}")
    assert not wrong, "\n".join(wrong)


def check_blame(found: list[Outcome]) -> None:
    """The right layer is blamed for 95 of 100 faults, or for all but one."""
    known = [outcome for outcome in found if outcome.blamed is not None]
    misses = [f"{each.fault} at {each.layer} of {each.network}" for each in known if not each.blamed]
    print("blamed wrongly:", misses)
    assert len(misses) <= max(1, len(known) // 20), misses


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_faults_are_found(name, folder):
    """Each third kind of fault, in one of the networks that can have it."""
    subjects = [subject(each, "pytorch", folder) for each in networks.NETWORKS]
    found = []
    for number, (planted, fault) in enumerate(faults("pytorch")[::3]):
        able = [each for each in subjects if each.can_have(planted, fault)]
        if able and able[number % len(able)].name == name:
            one = subject(name, "pytorch", folder)
            found += graph_outcomes(one, fault, 1) if planted == "graph" else file_outcomes(one, fault, planted, 1)
    check(found)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_sound_networks_raise_no_alarm(name, folder):
    assert subject(name, "pytorch", folder).conversion.verify().ok


@pytest.mark.parametrize("target", ["pytorch", pytest.param("keras", marks=pytest.mark.sabotage)])
def test_every_kind_can_be_planted(target, folder):
    """A pattern that no emitted code has any more would test nothing."""
    subjects = [subject(each, target, folder) for each in (*networks.NETWORKS, *networks.EXPORTED)]
    idle = [fault.name for planted, fault in faults(target) if not any(each.can_have(planted, fault) for each in subjects)]
    assert not idle


@pytest.mark.sabotage
@pytest.mark.parametrize("target", ["pytorch", "keras"])
@pytest.mark.parametrize("name", [*networks.NETWORKS, *networks.EXPORTED])
def test_all_faults(name, target, folder):
    one = subject(name, target, folder)
    assert one.conversion.verify().ok
    found = list(outcomes(one))
    check(found)
    check_blame(found)


MISSED_ONCE = [
    ("exported-steps", "keras", "behaviour", "variance that cancels"),
    ("exported-steps_both", "keras", "behaviour", "variance that cancels"),
    ("recurrent", "keras", "behaviour", "wrong beyond thirty-two steps"),
]


@pytest.mark.parametrize("row", MISSED_ONCE, ids=lambda row: f"{row[0]}-{row[1]}-{row[3]}")
def test_faults_that_were_missed_once(row, folder):
    name, target, planted, kind = row
    fault = next(each for place, each in faults(target) if place == planted and each.name == kind)
    (outcome,) = file_outcomes(subject(name, target, folder), fault, planted, 1)
    assert outcome.verdict == "caught"
    assert outcome.blamed in (True, None)


# As users do: no fork, a process of its own for each -----------------------------------------------------------------------

BY_HAND = [
    ("cnn", "pytorch", "code", "sides of F.pad in ONNX' order"),
    ("cnn", "keras", "code", "begin and end of ZeroPadding2D"),
    ("cnn", "keras", "code", "epsilon forgotten"),
    ("cnn", "pytorch", "code", "left in training mode"),
    ("dense", "pytorch", "code", "results exchanged"),
    ("mobile", "pytorch", "code", "skip from behind"),
    ("recurrent", "pytorch", "code", "states exchanged"),
    ("transformer", "pytorch", "code", "mask inverted"),
    ("decoder", "pytorch", "weights", "a matrix of the file transposed"),
    ("cnn", "keras", "weights", "a kernel of the file flipped"),
    ("square", "pytorch", "code", "transpose forgotten"),
    ("unet", "pytorch", "code", "corners aligned"),
    ("quantised", "pytorch", "code", "scale of one quantisation"),
    ("heads", "pytorch", "code", "towards zero"),
    ("matlab", "pytorch", "weights", "an array of the file is zero"),
]
QUICK = BY_HAND[:2]


@pytest.mark.own_process
@pytest.mark.parametrize(
    ("name", "target", "planted", "kind"),
    [
        pytest.param(*row, marks=[] if row in QUICK else pytest.mark.sabotage, id=f"{row[0]}-{row[1]}-{row[3]}")
        for row in BY_HAND
    ],
)
def test_found_by_the_folder_that_a_user_has(name, target, planted, kind, tmp_path):
    """Converted, changed by hand, opened again and verified."""
    one = Subject(name, target, tmp_path)
    conversion = one.copy()
    conversion._save()
    fault = next(each for place, each in faults(target) if place == planted and each.name == kind)
    next(fault.sites(conversion, one.graph)).plant()
    assert not converter.open(conversion.folder).verify().ok
    assert one.conversion.verify().ok
