"""Training of an emitted model beside that of the original: gradients, statistics of BatchNorm, the loss.

A weight of the original stands in the emitted model turned, cut or joined with others. Its gradient is compared where and as it
stands there: the gradients are put into the file in place of the weights, and that is converted once more.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from converter.emitters import emit
from converter.emitters.stored import to_stored
from tests.originals.measures import flat_outputs
from tests.usage.converted import Converted, with_weights

TOLERANCE = 1e-4
_NOTHING = 1e-6
"""A gradient below this part of the largest of all is rounding: of a weight on which nothing depends, as the bias of keys."""


def weights_of_loss(converted: Converted, outputs: list[np.ndarray]) -> list[np.ndarray]:
    """What each number of the outputs counts in the loss, in source axis order."""
    generator = np.random.default_rng(1)
    return [generator.standard_normal(output.shape).astype(np.float32) / output.size for output in outputs]


def original_gradients(converted: Converted, arrays: dict[str, np.ndarray]) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """The outputs in training mode, and the gradient of the loss for each parameter that it depends on."""
    import torch

    module = converted.module
    state = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    module.zero_grad(set_to_none=True)
    _train(module)
    results = flat_outputs(module(**{name: torch.from_numpy(array) for name, array in arrays.items()}))
    outputs = [result.detach().numpy() for result in results]
    pairs = zip(results, weights_of_loss(converted, outputs), strict=True)
    sum((result * torch.from_numpy(weight)).sum() for result, weight in pairs).backward()
    module.eval().load_state_dict(state)
    return outputs, {
        key: p.grad.numpy().copy() for key, p in module.named_parameters(remove_duplicate=False) if p.grad is not None
    }


def _train(module: Any) -> None:
    """Training mode but for Dropout, whose numbers are its own."""
    import torch

    module.train()
    for part in module.modules():
        if isinstance(part, torch.nn.modules.dropout._DropoutNd):
            part.eval()


def emitted_gradients(
    converted: Converted, model: Any, arrays: dict[str, np.ndarray]
) -> tuple[list[np.ndarray], dict[str, np.ndarray | None]]:
    """The same of the emitted model, by its own keys; None where the loss does not depend on a parameter."""
    return (_keras if converted.target == "keras" else _pytorch)(converted, model, arrays)


def _pytorch(converted: Converted, model: Any, arrays: dict[str, np.ndarray]) -> tuple[list[np.ndarray], dict]:
    import torch

    _train(model)
    results = flat_outputs(model(*converted.tensors(arrays)))
    outputs = converted.to_source(results)
    pairs = zip(results, weights_of_loss(converted, outputs), strict=True)
    sum((result * torch.from_numpy(weight)).sum() for result, weight in pairs).backward()
    return outputs, {key: None if p.grad is None else p.grad.numpy() for key, p in model.named_parameters()}


def _keras(converted: Converted, model: Any, arrays: dict[str, np.ndarray]) -> tuple[list[np.ndarray], dict]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        results = model(converted.batch(arrays), training=True)
        outputs = converted.to_source(results)
        results = list(results) if isinstance(results, list | tuple) else [results]
        rows = zip(results, weights_of_loss(converted, outputs), converted.emitted.outputs, strict=True)
        loss = sum(tf.reduce_sum(result * to_stored(weight, port, "keras")) for result, weight, port in rows)
    variables = model.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    return outputs, {
        variable.path: None if gradient is None else np.asarray(tf.convert_to_tensor(gradient))
        for variable, gradient in zip(variables, gradients, strict=True)
    }


def as_emitted(converted: Converted, gradients: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The original's gradients in the places and the order of axes of the emitted weights, by the keys of these.

    What the original has beside parameters keeps its numbers.
    """
    if converted.target == "keras":  # its recurrent layers have one bias, the sum of torch's two, with the gradient of either
        gradients = {key: np.zeros_like(array) if ".bias_hh_l" in key else array for key, array in gradients.items()}
    emitted = emit(with_weights(converted.path, gradients), converted.target)
    assert emitted.code.split('"""', 2)[2] == converted.emitted.code.split('"""', 2)[2], "the same code for other numbers"
    return {key: weight.array() for key, weight in emitted.weights.items()}


def differences(converted: Converted, model: Any, arrays: dict[str, np.ndarray]) -> list[str]:
    """What is wrong with outputs and gradients of the emitted model in training mode; it has made one step of it then."""
    outputs, given = original_gradients(converted, arrays)
    found, gradients = emitted_gradients(converted, model, arrays)
    wanted = as_emitted(converted, given)
    wrong = [f"output {n}: {error:.1e}" for n, error in enumerate(map(_error, found, outputs)) if error > TOLERANCE]
    trained = [wanted[key] for key in gradients if key in wanted]
    everything = np.concatenate([array.reshape(-1) for array in trained])
    lost = [key for key, array in given.items() if not np.isin(array[array != 0], everything).all()]
    if converted.target == "keras":
        lost = [key for key in lost if ".bias_hh_l" not in key]
    wrong += [f"{key} of the original stands in no parameter" for key in lost]
    least = _NOTHING * max(np.abs(array).max() for array in given.values())
    for key, gradient in gradients.items():
        if gradient is None:
            wrong.append(f"{key} gets no gradient")
        elif key not in wanted:
            wrong.append(f"{key} is no weight of the file")
        elif (error := _error(gradient, wanted[key], least)) > TOLERANCE:
            wrong.append(f"{key}: {error:.1e}")
    return wrong


def _error(found: np.ndarray, wanted: np.ndarray, least: float = 0.0) -> float:
    if found.shape != wanted.shape:
        return np.inf
    return float(np.abs(found - wanted).max() / max(np.abs(wanted).max(initial=0.0), least / TOLERANCE, 1e-30))


# Statistics of BatchNorm -----------------------------------------------------------------------------------------------------

_KERAS = ("moving_mean", "moving_variance")


def statistics_of_original(converted: Converted, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Running statistics after one batch in training mode, by the original's keys.

    PyTorch goes on from the variance with n - 1 in its denominator, Keras from that with n: for Keras as it goes on.
    """
    import torch

    module, counts = copy.deepcopy(converted.module), {}
    _train(module)
    for name, part in module.named_modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):

            def count(part: Any, given: Any, name: str = name) -> None:
                counts[name] = given[0].numel() // given[0].shape[1]

            part.register_forward_pre_hook(count)
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    with torch.no_grad():
        module(**{name: torch.from_numpy(array) for name, array in arrays.items()})
    after = {key: tensor for key, tensor in module.state_dict().items() if ".running_" in f".{key}"}
    if converted.target == "keras":
        for name, number in counts.items():
            kept = (1 - module.get_submodule(name).momentum) * before[f"{name}.running_var"]
            after[f"{name}.running_var"] = kept + (after[f"{name}.running_var"] - kept) * (number - 1) / number
    return {key: tensor.numpy() for key, tensor in after.items()}


def statistics(converted: Converted, model: Any) -> dict[str, np.ndarray]:
    """The running statistics of the emitted model, by the original's keys."""
    if converted.target == "pytorch":
        return {key: tensor.numpy() for key, tensor in model.state_dict().items() if ".running_" in f".{key}"}
    weights = {path: weight.origin.name for path, weight in converted.emitted.weights.items()}
    variables = {variable.path: variable for variable in model.variables}
    return {weights[path]: np.asarray(variables[path]) for path in weights if path.rsplit("/")[-1] in _KERAS}


# Fine-tuning -----------------------------------------------------------------------------------------------------------------


def fine_tuned(converted: Converted) -> tuple[float, float]:
    """The loss of the emitted model in training mode, before and after one epoch towards random numbers."""
    arrays = converted.arrays(batch=32)
    return (_fit_keras if converted.target == "keras" else _fit_pytorch)(converted, converted.model(), arrays)


def _aims(outputs: list[np.ndarray]) -> list[np.ndarray]:
    generator = np.random.default_rng(2)
    return [generator.standard_normal(output.shape).astype(np.float32) for output in outputs]


def _fit_pytorch(converted: Converted, model: Any, arrays: dict[str, np.ndarray]) -> tuple[float, float]:
    import torch

    tensors = converted.tensors(arrays)
    model.train()
    aims = [torch.from_numpy(aim) for aim in _aims([result.detach().numpy() for result in flat_outputs(model(*tensors))])]

    def loss(rows: slice) -> Any:
        results = flat_outputs(model(*(tensor[rows] for tensor in tensors)))
        return sum(torch.nn.functional.mse_loss(result, aim[rows]) for result, aim in zip(results, aims, strict=True))

    before = float(loss(slice(None)).detach())
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01)
    for start in range(0, 32, 8):
        optimiser.zero_grad()
        loss(slice(start, start + 8)).backward()
        optimiser.step()
    return before, float(loss(slice(None)).detach())


def _fit_keras(converted: Converted, model: Any, arrays: dict[str, np.ndarray]) -> tuple[float, float]:
    import keras

    batch = converted.batch(arrays)

    def asked() -> list[np.ndarray]:
        results = model(batch, training=True)
        return [np.asarray(result) for result in (results if isinstance(results, list | tuple) else [results])]

    aims = _aims(asked())

    def loss() -> float:
        return sum(float(np.mean((found - aim) ** 2)) for found, aim in zip(asked(), aims, strict=True))

    before = loss()
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss=["mse"] * len(aims) if len(aims) > 1 else "mse", jit_compile=False)
    model.fit(batch, aims if len(aims) > 1 else aims[0], batch_size=8, epochs=1, shuffle=False, verbose=0)
    return before, loss()
