"""Activations that write over what they read, only where nothing else reads it."""

from __future__ import annotations

import pytest

from converter.emitters.in_place import in_place

CLASS = """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.inner = Inner()
        self.drop = nn.Identity()
        self.act = nn.ReLU()
        self.both = nn.ReLU()
        self.body = {body}

    def forward(self, x, y):
        y = {result}
        return x + y
"""


def emitted(result: str, body: str = "None") -> str:
    return in_place(CLASS.format(body=body, result=result))


@pytest.mark.parametrize("result", ["F.relu(self.conv(x))", "F.relu(x + y)", "F.hardswish(self.conv(x))"])
def test_a_fresh_result_is_written_over(result):
    assert f"y = {result[:-1]}, inplace=True)" in emitted(result)


@pytest.mark.parametrize(
    "result",
    [
        "F.relu(x)",  # is read again
        "F.relu(self.drop(x))",  # may be x itself
        "F.relu(self.inner(x))",  # may be anything
        "F.relu(x.reshape(-1))",  # may share the memory of x
        "F.sigmoid(self.conv(x))",
        "F.relu(torch.sigmoid(x))",  # whose derivative needs its result
    ],
)
def test_anything_else_is_not(result):
    assert "inplace" not in emitted(result)


def test_a_module_that_is_called_on_fresh_results_alone():
    assert "self.act = nn.ReLU(inplace=True)" in emitted("self.act(self.conv(x)) + self.act(x + y)")
    assert "inplace" not in emitted("self.both(self.conv(x)) + self.both(x)")
    assert "inplace" not in emitted("Helper(self.act)(x) + self.act(self.conv(x))")


def test_a_module_behind_a_layer_in_a_sequence():
    body = "nn.Sequential(nn.ReLU(), nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Identity(), nn.ReLU())"
    written = "nn.Sequential(nn.ReLU(), nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True), nn.Identity(), nn.ReLU())"
    assert written in emitted("self.body(x)", body)
    body = "nn.Sequential(OrderedDict([('conv', nn.Conv2d(3, 3, 1)), ('relu', nn.ReLU())]))"
    assert "('relu', nn.ReLU(inplace=True))" in emitted("self.body(x)", body)


HANDED_ON = """
class Inner(nn.Module):
    pass


class Norm(nn.Sequential):
    def __init__(self, activation=nn.Identity):
        super().__init__(nn.BatchNorm2d(3), activation())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = Norm({given})
"""


@pytest.mark.parametrize("given", ["nn.ReLU", "activation=nn.Hardswish", ""])
def test_activations_that_are_handed_on_as_classes(given):
    assert "nn.BatchNorm2d(3), activation(inplace=True)" in in_place(HANDED_ON.format(given=given))


@pytest.mark.parametrize("given", ["nn.GELU", "activation=Inner", "Norm(nn.Tanh)"])
def test_classes_that_may_not_write_in_place(given):
    assert "inplace" not in in_place(HANDED_ON.format(given=given))
