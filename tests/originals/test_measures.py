"""Measures by running, on networks small enough that their answer is known."""

import numpy as np
import pytest

from tests.originals.measures import batch_norm_pytorch, gradients, relative_error, state_keys, worst

torch = pytest.importorskip("torch")
nn = torch.nn
FEEDS = {"x": np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)}


class Network(nn.Module):
    def __init__(self, name="fc", momentum=0.1):
        super().__init__()
        self.norm = nn.BatchNorm1d(3, momentum=momentum)
        self.add_module(name, nn.Linear(3, 2))
        self.name = name

    def forward(self, x):
        return getattr(self, self.name)(self.norm(x))


def pair(**options):
    torch.manual_seed(0)
    original = Network().eval()
    emitted = Network(**options).eval()
    emitted.load_state_dict(dict(zip(emitted.state_dict(), original.state_dict().values(), strict=True)))
    return emitted, original


def test_keys_of_the_same_network_are_equal():
    keys = state_keys(*pair())
    assert (keys.original, keys.equal, keys.same_values, keys.missing, keys.added) == (7, 7, 7, [], [])


def test_a_key_of_another_name_or_shape_or_value_is_seen():
    emitted, original = pair(name="head")
    keys = state_keys(emitted, original)
    assert (keys.equal, keys.missing, keys.added) == (5, ["fc.weight", "fc.bias"], ["head.weight", "head.bias"])
    emitted, original = pair()
    emitted.norm.weight.data[0] += 1
    emitted.fc = nn.Linear(2, 3)
    keys = state_keys(emitted, original)
    assert (keys.equal, keys.same_values, keys.missing) == (5, 4, ["fc.weight", "fc.bias"])


def test_gradients_are_compared_by_key():
    found = gradients(*pair(), FEEDS)
    assert (found.original, found.equal, found.different, found.without) == (4, 4, [], [])
    found = gradients(*pair(name="head"), FEEDS)
    assert (found.original, found.equal) == (4, 2)


def test_a_wrong_gradient_and_a_frozen_parameter_are_seen():
    emitted, original = pair()
    emitted.fc.bias.requires_grad_(False)
    emitted.norm.weight.register_hook(lambda gradient: gradient * 1.001)
    found = gradients(emitted, original, FEEDS)
    assert (found.original, found.equal, found.without) == (4, 2, ["fc.bias"])
    assert [text.split(":")[0] for text in found.different] == ["norm.weight"]


def test_batch_norm_trains_alike():
    emitted, original = pair()
    found = batch_norm_pytorch(emitted, original, FEEDS)
    assert (found.original, found.emitted, found.statistics) == (1, 1, 2)
    assert found.output_error == found.statistics_error == 0
    assert not emitted.training
    assert torch.equal(emitted.norm.running_mean, torch.zeros(3)), "measuring changes nothing"


def test_another_momentum_is_seen():
    found = batch_norm_pytorch(*pair(momentum=0.9), FEEDS)
    assert found.output_error == 0
    assert found.statistics_error > 0.1


def test_an_error_is_measured_by_the_largest_number():
    assert relative_error(np.array([1.0, 100.1]), np.array([1.0, 100.0])) == pytest.approx(1e-3)
    assert relative_error(np.zeros((2, 1)), np.zeros(2)) == np.inf
    assert relative_error(np.array([np.nan]), np.array([1.0])) == np.inf
    assert worst([np.ones(1)], []) == np.inf
