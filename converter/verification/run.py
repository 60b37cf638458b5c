"""Runs a converted model on stored inputs, as a program of its own: ``python run.py job.json``.

It needs NumPy, safetensors and the target framework, never this package, so that what it proves is the written folder alone.
The job is written by ``converter.verification.worker``. What goes wrong ends the program with the reason on stderr.
"""

import ctypes
import faulthandler
import hashlib
import importlib.util
import itertools
import json
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np

_numbers = itertools.count()


def load_module(folder):
    """The ``model.py`` of a folder as a module under a name of its own, so that several can be open at once."""
    specification = importlib.util.spec_from_file_location(f"converted_model_{next(_numbers)}", Path(folder) / "model.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


class Keras:
    """A ``keras.Model``."""

    @staticmethod
    def load(folder):
        return load_module(folder).load_model()

    @staticmethod
    def widen():
        """Let what is loaded from now on compute in float64."""
        import keras

        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")

    @classmethod
    def call(cls, model, arrays, count, again=False):
        """``again``: called directly, as a layer is, and not traced."""
        import keras

        inputs = arrays[0] if len(arrays) == 1 else arrays
        if model.run_eagerly or again:
            with np.errstate(all="ignore"):
                results = model(inputs)
        else:
            # One traced call: eagerly, each grouped convolution is traced anew. XLA would compile anew for each batch size.
            model.jit_compile = False
            results = model.predict_on_batch(inputs)
        results = list(results) if count > 1 else [results]
        return [converted(result, keras.ops.convert_to_numpy) for result in results]

    draws = 0
    """How often random numbers were asked for."""

    @classmethod
    def state(cls, model):
        """What a call must leave as it is, in words: variables that are no weights, and where random numbers have come to."""
        import keras

        weights = {id(variable) for variable in model.weights}
        cls._count_draws(keras.random.SeedGenerator)
        others = [variable for variable in model.variables if id(variable) not in weights]
        found = {f"its variable {each.path!r}": digest(keras.ops.convert_to_numpy(each)) for each in others}
        return found | random_states() | {f"{_RANDOM} of Keras": str(cls.draws)}

    @classmethod
    def _count_draws(cls, generator):
        """Let every generator of random numbers count when it is asked, those that the model does not know of too."""
        if hasattr(generator.next, "counted"):
            return
        draw = generator.next

        def counted(self, *arguments, **options):
            cls.draws += 1
            return draw(self, *arguments, **options)

        counted.counted, generator.next = True, counted

    @staticmethod
    def variables(model):
        """Shapes of the weights, by path; a path that stands twice could not be told apart."""
        variables = {}
        for variable in model.weights:
            if variable.path in variables:
                sys.exit(f"the model has two weights at the path {variable.path!r}")
            variables[variable.path] = variable
        return variables

    @staticmethod
    def weights(model):
        """The numbers of each weight, by path."""
        import keras

        return {variable.path: keras.ops.convert_to_numpy(variable) for variable in model.weights}

    @staticmethod
    def epsilons(model):
        """What each layer that has weights adds to a variance, by the path in front of their names."""
        layers = [layer for layer in model._flatten_layers(include_self=False) if layer.weights]
        return {holder(layer.weights[0].path): getattr(layer, "epsilon", None) for layer in layers}

    @classmethod
    def assign(cls, model, path, fresh=()):
        from safetensors.numpy import load_file

        variables, arrays = cls.variables(model), load_file(path)
        check_keys(arrays, {key: tuple(variable.shape) for key, variable in variables.items()}, fresh)
        for key, array in arrays.items():
            variables[key].assign(array)

    @classmethod
    def save(cls, folder, path, fresh):
        """Let Keras write the weights file of a model whose weights stand in a safetensors file, by variable path."""
        model = load_module(folder).build_model()
        cls.assign(model, path, fresh)
        model.save_weights(Path(folder) / "model.weights.h5")

    @staticmethod
    def versions():
        import keras

        backend = keras.backend.backend()
        return {"keras": keras.__version__, backend: sys.modules[backend].__version__}


class PyTorch:
    """An ``nn.Module``."""

    @staticmethod
    def load(folder):
        import torch

        model = load_module(folder).load_model()
        return model.double() if torch.get_default_dtype() is torch.float64 else model

    @staticmethod
    def widen():
        """Let what is loaded from now on compute in float64."""
        import torch

        torch.set_default_dtype(torch.float64)

    @staticmethod
    def call(model, arrays, count, again=False):
        """``again``: with gradients, as in training, and of inputs that do not lie in order in memory."""
        import torch

        tensors = [converted(array, (lambda each: strided(as_tensor(each))) if again else as_tensor) for array in arrays]
        with torch.inference_mode(not again):
            results = model(*tensors)
        for number, (tensor, array) in enumerate(zip(tensors, arrays, strict=True)):
            if isinstance(tensor, torch.Tensor) and digest(as_array(tensor)) != digest(array):
                remark(f"it writes over its input {number}")
        return [converted(result, as_array) for result in (results if count > 1 else [results])]

    @staticmethod
    def state(model):
        """What a call must leave as it is, in words: buffers that are not stored, and where random numbers have come to."""
        import torch

        stored = {key for key in model.state_dict() if not key.endswith(".num_batches_tracked")}
        others = {key: tensor for key, tensor in model.named_buffers() if key not in stored}
        found = {f"its buffer {key!r}": digest(as_array(tensor)) for key, tensor in others.items()}
        return found | random_states() | {_RANDOM: torch.get_rng_state().numpy().tobytes()}

    @staticmethod
    def weights(model):
        """The numbers of each weight and buffer, by key; without what counts in training alone."""
        state = model.state_dict().items()
        return {key: as_array(tensor) for key, tensor in state if not key.endswith(".num_batches_tracked")}

    @staticmethod
    def epsilons(model):
        """What each module adds to a variance, by its path; an RMSNorm without one adds that of its type."""
        import torch

        found = {}
        for path, module in model.named_modules():
            found[path] = getattr(module, "eps", None)
            if isinstance(module, torch.nn.RMSNorm) and module.eps is None and module.weight is not None:
                found[path] = torch.finfo(module.weight.dtype).eps
        return found

    @classmethod
    def assign(cls, model, path, fresh=()):
        from safetensors.torch import load_file

        tensors = load_file(path)
        check_keys(tensors, {key: array.shape for key, array in cls.weights(model).items()}, fresh)
        model.load_state_dict(tensors, strict=False)

    @staticmethod
    def versions():
        import torch

        return {"torch": torch.__version__}


class Onnx:
    """An ``onnxruntime.InferenceSession``, with graph optimisations on, as a user has it."""

    @staticmethod
    def load(folder):
        import onnxruntime

        return onnxruntime.InferenceSession(Path(folder) / "model.onnx", providers=["CPUExecutionProvider"])

    @staticmethod
    def call(session, arrays, count, again=False):
        return session.run(None, {port.name: array for port, array in zip(session.get_inputs(), arrays, strict=True)})

    @staticmethod
    def weights(session):
        return {}

    @staticmethod
    def epsilons(session):
        return {}

    @staticmethod
    def state(session):
        return {}

    @staticmethod
    def assign(session, path, fresh=()):
        sys.exit("an ONNX model holds its weights")

    @staticmethod
    def versions():
        import onnxruntime

        return {"onnxruntime": onnxruntime.__version__}


FRAMEWORKS = {"keras": Keras, "pytorch": PyTorch, "onnx": Onnx}

_RANDOM = "the state of random numbers"
remarks = []
"""What the model does that no answer shows."""


def remark(text):
    if text not in remarks:
        remarks.append(text)


def random_states():
    """Where Python's and NumPy's random numbers have come to."""
    return {f"{_RANDOM} of Python": repr(random.getstate()), f"{_RANDOM} of NumPy": repr(np.random.get_state()[1:])}


def strided(tensor):
    """The same numbers with their axes in another order in memory, so that nothing can take their places for granted."""
    import torch

    if not isinstance(tensor, torch.Tensor) or tensor.numel() < 2:
        return tensor
    if tensor.ndim == 1:
        return torch.stack([tensor, tensor], dim=1)[:, 0]
    order = list(range(tensor.ndim))[::-1]
    return tensor.permute(order).contiguous().permute(order)


def converted(value, convert):
    """Each tensor of a value converted: of a list each item, of a dictionary none; nothing stays nothing."""
    if isinstance(value, list | tuple):
        return [converted(item, convert) for item in value]
    return value if value is None or isinstance(value, dict) else convert(value)


def widened(array):
    """The numbers of a float32 array as float64; any other array as it is."""
    return array.astype(np.float64) if array.dtype == np.float32 else array


def as_tensor(array):
    """A tensor with a copy of the numbers; PyTorch takes bfloat16 and its like from NumPy only as the bits they are. Texts
    stay a NumPy array."""
    import torch

    array = np.array(array)
    if array.dtype.kind in "OUS":
        return array
    if array.dtype.kind != "V" and not array.dtype.name.startswith(("bfloat", "float8")):
        return torch.from_numpy(array)
    return torch.from_numpy(array.view(f"u{array.dtype.itemsize}")).view(getattr(torch, array.dtype.name))


def as_array(result):
    """The result as an array; where a model returns a plain number, that."""
    import torch

    if not isinstance(result, torch.Tensor):
        return np.asarray(result)
    result = result.detach()
    name = str(result.dtype).removeprefix("torch.")
    if not name.startswith(("bfloat", "float8")):
        return result.numpy()
    import ml_dtypes

    bits = torch.uint16 if result.itemsize == 2 else torch.uint8
    return result.contiguous().view(bits).numpy().view(getattr(ml_dtypes, name))


def check_keys(given, expected, fresh):
    """End the program, naming each weight that is missing, unexpected or of another shape."""
    problems = [f"the model has no weight {key!r}" for key in given if key not in expected]
    problems += [f"nothing was given for weight {key!r}" for key in expected if key not in given and key not in fresh]
    problems += [
        f"weight {key!r} has shape {expected[key]}, the source's has {tuple(array.shape)}"
        for key, array in given.items()
        if key in expected and tuple(array.shape) != expected[key]
    ]
    if problems:
        sys.exit("; ".join(problems))


def holder(key):
    """The layer that has a weight, in front of the weight's own name in its key."""
    return key[: max(key.rfind("."), key.rfind("/"), 0)]


def digest(array):
    """What two arrays have in common only if they hold the same numbers to the last bit, in the same type and shape."""
    array = np.asarray(array, order="C")
    content = repr(array.tolist()).encode() if array.dtype.kind in "OUS" else array.reshape(-1).view(np.uint8).data
    return f"{array.dtype.name} {list(array.shape)} {hashlib.blake2b(content, digest_size=16).hexdigest()}"


_ALIGNED = 64
"""Each array in a file of arrays begins at a multiple of so many bytes."""


def opened(path):
    """The bytes of a file of arrays, which are read when they are looked at."""
    return np.asarray(np.memmap(path, np.uint8, "r")) if Path(path).stat().st_size else np.empty(0, np.uint8)


def stored(value, file):
    """What describes a value in JSON; its arrays are written into an open file one behind the other, as an archive of so many
    would take longer to write and to read than most code to run.

    bfloat16 and its like are stored as float32, which holds every such number, and texts as text of a fixed length.
    """
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [stored(item, file) for item in value]
    if isinstance(value, dict):
        return {"keys": list(value), "values": [item if isinstance(item, str) else float(item) for item in value.values()]}
    array = np.asarray(value)
    plain = array.astype(np.float32) if array.dtype.kind == "V" else array.astype(str) if array.dtype == object else array
    file.write(bytes(-file.tell() % _ALIGNED))
    begin = file.tell()
    file.write(np.asarray(plain, order="C").data)
    return {"begin": begin, "end": file.tell(), "type": plain.dtype.str, "shape": plain.shape, "dtype": array.dtype.name}


def restored(description, content):
    """The value that was stored, out of the bytes of the file; not to be written to."""
    if description is None:
        return None
    if isinstance(description, list):
        return [restored(item, content) for item in description]
    if "keys" in description:
        return dict(zip(description["keys"], description["values"], strict=True))
    lying = content[description["begin"] : description["end"]]
    array, dtype = lying.view(description["type"]).reshape(description["shape"]), description["dtype"]
    if array.dtype.name == dtype:
        return array
    if dtype == "object":
        return array.astype(object)
    import ml_dtypes  # names bfloat16 and its like to NumPy

    return array.astype(getattr(ml_dtypes, dtype))


def end_with(parent):
    """Let this process end when ``parent``, the process that started it, does, however that ends; leave no core file."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            sys.exit("the process that started this one has ended")
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def tracing():
    """The module that records what a model computes inside."""
    specification = importlib.util.spec_from_file_location("trace", Path(__file__).with_name("trace.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def main(path):
    job = json.loads(Path(path).read_text())
    faulthandler.enable()
    end_with(job["parent"])
    framework = FRAMEWORKS[job["framework"]]
    if job.get("wide"):
        framework.widen()
    if job.get("trace"):
        return tracing().main(job, sys.modules[__name__])
    if job["save"] is not None:
        framework.save(job["folder"], job["save"], job["fresh"])
    model = framework.load(job["folder"])
    if job["assign"] is not None:
        framework.assign(model, job["assign"])
    outputs, given = [], opened(job["arrays"])
    before = {} if job["wide"] else framework.state(model)
    with Path(job["results"]).open("wb") as results:
        for number, case in enumerate(job["cases"]):
            inputs = restored(case, given)
            again = job["again"] and number == len(job["cases"]) - 1
            found = framework.call(model, converted(inputs, widened) if job["wide"] else inputs, job["outputs"], again)
            outputs.append(stored(found, results))
    weights = {} if job["wide"] else {key: digest(array) for key, array in framework.weights(model).items()}
    after = {} if job["wide"] else framework.state(model)
    for what in after:
        if what not in before or before[what] != after[what]:
            remark(f"a call changes {what}")
    epsilons = {layer: number for layer, number in framework.epsilons(model).items() if isinstance(number, float)}
    answer = {
        "versions": framework.versions(),
        "outputs": outputs,
        "weights": weights,
        "remarks": remarks,
        "epsilons": epsilons,
    }
    Path(job["answer"]).write_text(json.dumps(answer))
    if job["inside"] is not None:
        del model  # what follows needs one of its own
        tracing().watch(job, sys.modules[__name__])


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.pop(0)  # this script's own folder
    main(sys.argv[1])
