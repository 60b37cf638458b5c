"""One step of training, as the domain ai.onnx.preview.training has it: arithmetic on weights that are inputs."""

from __future__ import annotations

from converter.operators.registry import operator


def _optimiser(op_type: str, *attributes: str) -> None:
    """Enter the room of an optimiser: a rate, the number of the step, then tensors kind by kind (weights, gradients, ...)."""

    def step(n):
        options = {name: n.node[name] for name in attributes}
        if op_type == "Momentum":
            options["nesterov"] = n.node["mode"] == "nesterov"
        names = ", ".join(f"{name}={name}" for name in options)
        return n.unpack(f"{op_type.lower()}_step(R, T, tensors, {names})", tensors=n.expr("[*inputs]"), **options)

    operator(op_type, "ai.onnx.preview.training")(type(op_type, (), {"pytorch": step, "keras": step}))


_optimiser("Adagrad", "norm_coefficient", "decay_factor", "epsilon")
_optimiser("Adam", "alpha", "beta", "epsilon", "norm_coefficient", "norm_coefficient_post")
_optimiser("Momentum", "alpha", "beta", "norm_coefficient")
