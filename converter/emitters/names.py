"""Identifiers made from the source's names."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator

_WEIGHT_SUFFIX = re.compile(
    r"[._/]("
    r"weights?|bias|kernel|gamma|beta|scale|mean|var|variance|running_mean|running_var|moving_mean|moving_variance|"
    r"w|b|s|rm|riv|offset|trainedmean|trainedvariance)(_\d+)?(:\d+)?$",
    re.IGNORECASE,
)
_GENERATED = re.compile(r"^(n|r|t|x|node|value|tensor|getitem)?_?\d*$", re.IGNORECASE)


def identifier(name: str, prefix: str = "") -> str:
    """``name`` as a Python identifier in ASCII: "layer1.0/conv" becomes "layer1_0_conv".

    ``prefix`` goes before a name that would start with a digit or be empty.
    """
    text = re.sub(r"_+", "_", re.sub(r"[^0-9A-Za-z_]", "_", name)).strip("_")
    if not text or text[0].isdigit():
        text = f"{prefix or 'value'}_{text}".strip("_")
    return f"{text}_" if keyword.iskeyword(text) or keyword.issoftkeyword(text) else text


def is_member(name: str) -> bool:
    """Whether it is a name that a module may have inside another though no attribute is called so: "block2-0"."""
    return re.fullmatch(r"[A-Za-z_]\w*(-\w+)+", name, re.ASCII) is not None


def class_name(name: str) -> str:
    """``name`` as a class name: "bvlc_alexnet" becomes "BvlcAlexnet", "AlexNet" stays."""
    words = [word for word in re.split(r"[^0-9A-Za-z]+", name) if word]
    text = "".join(word[0].upper() + word[1:] for word in words)
    return identifier(f"Model{text}" if text[:1].isdigit() else text) if text else "Model"


def snake_case(name: str) -> str:
    """ "MaxPool" becomes "max_pool", "LRN" becomes "lrn", "ViTLayer" becomes "vit_layer"."""
    name = re.sub(r"(?<![a-z])[A-Z][a-z]{1,2}[A-Z]{1,2}(?=[A-Z][a-z]|[^A-Za-z]|$)", lambda found: found[0].capitalize(), name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def without_number(name: str) -> str:
    """A name without what torch's exporters add: "add" for "add_17", "mat_mul" for "/layers.0/attn/MatMul_1_output_0"."""
    last = re.sub(r"_output_\d+$", "", name.rpartition("/")[2])
    return snake_case(re.sub(r"_\d+$", "", last))


def is_generated(name: str) -> bool:
    """Whether a name carries no meaning, as "12", "r3" or "node_7" that exporters count out."""
    return bool(_GENERATED.match(name))


def is_computed(name: str) -> bool:
    """Whether it is the name that torch's exporters give to what they computed of weights: "val_12", "onnx::MatMul_34"."""
    return re.fullmatch(r"val_\d+|onnx::\w+", name) is not None


def weight_stem(names: Iterable[str]) -> str:
    """What the names of a layer's weights have in common: "conv1" for "conv1_w_0" and "conv1_b_0"; "" where nothing."""
    stems = {_WEIGHT_SUFFIX.sub("", name) for name in names if _WEIGHT_SUFFIX.search(name)}
    return stems.pop() if len(stems) == 1 else ""


def common_scope(names: Iterable[str]) -> str:
    """The scope all names share, with its slash ("gpu_0/"), which therefore tells nothing; "" where there is none."""
    scopes = {name.partition("/")[0] + "/" if "/" in name else "" for name in names}
    return scopes.pop() if len(scopes) == 1 else ""


class Namespace:
    """Hands out identifiers, each once."""

    def __init__(self, reserved: Iterable[str] = ()):
        self._taken = set(reserved)

    def __iter__(self) -> Iterator[str]:
        """The names that are taken."""
        return iter(self._taken)

    def take(self, wanted: str, joint: str = "_") -> str:
        """``wanted``, or ``wanted_2``, ``wanted_3`` ... where it is taken."""
        name, count = wanted, 1
        while name in self._taken:
            count += 1
            name = f"{wanted}{joint}{count}"
        self._taken.add(name)
        return name
