"""Runs a converted model once and records every tensor that its code computes, with the line of model.py that computes it.

Part of the program ``run.py``, loaded only where tracing is asked for; like it, it needs nothing of this package. The text of
model.py is not changed: its syntax tree is, so that each expression hands what it computed to a recorder.
"""

import ast
import builtins
import importlib.util
import itertools
import json
import sys
from pathlib import Path

import numpy as np

_RECORD = "__trace__"
_RECORDED = (ast.Call, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Subscript)
_ATTRIBUTES = {"T", "mT", "H", "real", "imag"}
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_numbers = itertools.count()


class _Instrument(ast.NodeTransformer):
    """Puts ``__trace__(place, ...)`` around expressions. ``places`` holds of each its line and the places inside it."""

    def __init__(self):
        self.places = []  # with each, whether what it computes is written over what it reads
        self._inside = [[]]  # of the expression being visited: the places of recorded expressions directly in it

    def visit_FunctionDef(self, node):
        if node.name == "compute_output_spec":  # what it gives belongs to the line that calls the layer
            return node
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_ClassDef(self, node):
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_AnnAssign(self, node):
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_JoinedStr(self, node):
        return node

    def visit(self, node):
        over = False
        if isinstance(node, ast.Call):  # what one layer wrote over is what another computed
            over = any(keyword.arg == "inplace" for keyword in node.keywords)
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "inplace"]
        if not self._is_recorded(node):
            return super().visit(node)
        names = list(dict.fromkeys(_names(node, outermost=True)))
        self._inside.append([])
        node = self.generic_visit(node)
        self.places.append((node.lineno, self._inside.pop(), over))
        place = len(self.places) - 1
        self._inside[-1].append(place)
        operands = [ast.Name(name, ast.Load()) for name in names]
        call = ast.Call(ast.Name(_RECORD, ast.Load()), [ast.Constant(place), node, *operands], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    @staticmethod
    def _is_recorded(node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return not hasattr(builtins, node.func.id)
        if isinstance(node, ast.Attribute):
            return node.attr in _ATTRIBUTES and isinstance(node.ctx, ast.Load)
        return isinstance(node, _RECORDED) and isinstance(getattr(node, "ctx", None), ast.Load | None)


def _names(node, outermost=False):
    """Variables read by an expression, but for those of recorded expressions and functions inside it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name):
            if isinstance(child.ctx, ast.Load) and not hasattr(builtins, child.id):
                yield child.id
        elif not isinstance(child, (*_SCOPES, ast.IfExp, ast.BoolOp)) and not _Instrument._is_recorded(child):
            yield from _names(child)


class Recorder:
    """What the code computed, in order. ``is_tensor`` decides what is recorded."""

    def __init__(self, is_tensor, is_layer):
        self.is_tensor, self.is_layer = is_tensor, is_layer
        self.entries = []  # dictionaries, with the tensor itself, so that its identity is not used again
        self.constructed = {}  # by identity of a layer: its line; the layer stands in ``layers``
        self.layers = []
        self.over = set()  # identities of layers that write over what they read
        self.places = []
        self._known = {}
        self._results = {}

    def __call__(self, place, result, *operands):
        line, inside, over = self.places[place]
        if self.is_layer(result):
            if over:
                self.over.add(id(result))
            if id(result) not in self.constructed:
                self.constructed[id(result)] = line
                self.layers.append(result)
            return result
        tensors = list(self._tensors(result))
        if tensors or inside:
            read = [self.number(tensor) for operand in operands for tensor in self._tensors(operand)]
            read += [number for child in inside for number in self._results.get(child, ())]
            numbers = [self.add(tensor, line, read) for tensor in tensors]
            self._results[place] = numbers or read
            for number in numbers if over else ():
                self.entries[number]["over"] = True
        return result

    def add(self, tensor, line, read=(), constructor=None):
        """The number of the tensor's entry; of one that is known, what was not known of it is filled in."""
        number = self._known.get(id(tensor))
        if number is None:
            number = self._known[id(tensor)] = len(self.entries)
            self.entries.append({"line": line, "constructor": constructor, "operands": [], "tensor": tensor})
        entry = self.entries[number]
        entry["line"] = line if entry["line"] is None else entry["line"]
        entry["operands"] = entry["operands"] or [other for other in dict.fromkeys(read) if other < number]
        return number

    def number(self, tensor):
        return self.add(tensor, None)

    def _tensors(self, value, depth=2):
        if self.is_tensor(value):
            yield value
        elif isinstance(value, list | tuple) and depth:
            for item in value:
                yield from self._tensors(item, depth - 1)


def _load(recorder, folder):
    """The module of model.py, instrumented; its lines are those of the file."""
    path = Path(folder) / "model.py"
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    instrument = _Instrument()
    tree = instrument.visit(tree)
    recorder.places = instrument.places
    specification = importlib.util.spec_from_file_location(f"traced_model_{next(_numbers)}", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    vars(module)[_RECORD] = recorder
    exec(compile(tree, str(path), "exec"), vars(module))
    return module


def _raised(error, folder):
    """What went wrong, and the lines of model.py it came through, outermost first."""
    path, lines, traceback = str(Path(folder) / "model.py"), [], error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            lines.append(traceback.tb_lineno)
        traceback = traceback.tb_next
    return {"message": f"{type(error).__name__}: {error}"[:1000], "lines": lines}


class _PyTorch:
    def __init__(self, run):
        import torch

        self.run, self.torch = run, torch
        self.recorder = Recorder(lambda value: False, lambda value: isinstance(value, torch.nn.Module))
        self.failed, self.whole = None, True

    def expected(self, path):
        from safetensors.torch import load_file

        return {key: self.run.as_array(tensor) for key, tensor in load_file(path).items()}

    def load(self, folder):
        return _load(self.recorder, folder).load_model()

    def unloaded(self):
        """The model as it is before its weights are loaded, where loading them failed."""
        return self.recorder.layers[-1] if self.recorder.layers else None

    def call(self, model, arrays, count):
        torch, recorder = self.torch, self.recorder
        recorder.is_tensor = lambda value: isinstance(value, torch.Tensor | np.ndarray)

        def hook(module, inputs, output):
            line = recorder.constructed.get(id(module))
            if line is not None and type(module).__module__.startswith("torch."):
                read = [recorder.number(tensor) for tensor in recorder._tensors(inputs)]
                for tensor in recorder._tensors(output):
                    number = recorder.add(tensor, None, read, line)
                    if id(module) in recorder.over:
                        recorder.entries[number]["over"] = True
            elif line is not None:
                for tensor in recorder._tensors(output):  # a result of its own lines, or of one of its layers
                    recorder.add(tensor, None)

        handle = torch.nn.modules.module.register_module_forward_hook(hook)
        try:
            return self.run.FRAMEWORKS["pytorch"].call(model, arrays, count)
        finally:
            handle.remove()

    def numbers(self):
        for entry in self.recorder.entries:
            tensor = entry["tensor"]
            yield entry, tensor if isinstance(tensor, np.ndarray) else self.run.as_array(tensor)


class _Keras:
    def __init__(self, run):
        import keras

        self.run, self.keras = run, keras
        self.symbolic = keras.KerasTensor
        self.recorder = Recorder(
            lambda value: isinstance(value, keras.KerasTensor), lambda value: isinstance(value, keras.layers.Layer)
        )
        self.before = {}  # by identity of a layer with an activation: what its activation got, call by call
        self.found = {}
        self.whole = True  # the model is the one that is loaded, and not all that the code had constructed until it failed
        self.failed = None  # the line that computes the first tensor which cannot be computed

    @staticmethod
    def expected(path):
        from safetensors.numpy import load_file

        return load_file(path)

    def load(self, folder):
        return _load(self.recorder, folder).load_model()

    def unloaded(self):
        self.whole = False
        tensors = self._connected()
        inputs = [entry["tensor"] for entry in self.recorder.entries if _is_input(entry["tensor"])]
        return self.keras.Model(inputs, tensors) if inputs and tensors else None

    def _connected(self):
        """The recorded tensors that depend on the model's inputs alone."""
        memory = {}

        def connected(tensor):
            if id(tensor) not in memory:
                memory[id(tensor)] = False
                history = getattr(tensor, "_keras_history", None)
                node = None if history is None else history.operation._inbound_nodes[history.node_index]
                memory[id(tensor)] = node is not None and all(connected(each) for each in node.input_tensors)
            return memory[id(tensor)]

        for entry in self.recorder.entries:  # in order of execution, so that the walk stays short
            connected(entry["tensor"])
        return [entry["tensor"] for entry in self.recorder.entries if memory[id(entry["tensor"])]]

    def call(self, model, arrays, count):
        keras, recorder = self.keras, self.recorder
        inputs = arrays[0] if len(arrays) == 1 else arrays
        self._watch_activations(model)
        if not isinstance(model, keras.src.models.functional.Functional):
            recorder.is_tensor = lambda value: keras.ops.is_tensor(value) and not isinstance(value, self.symbolic)
            return self.run.FRAMEWORKS["keras"].call(model, arrays, count, again=True)
        tensors = self._connected()
        places = {id(entry["tensor"]): number for number, entry in enumerate(recorder.entries)}
        given = inputs if len(arrays) > 1 else [inputs]
        try:
            computed, results, failed = len(tensors), keras.Model(model.inputs, tensors)(given), None
        except Exception as error:
            (computed, results), failed = self._before_failure(model, tensors, given), error
        for tensor, result in zip(tensors[:computed], results, strict=True):
            self.found[places[id(tensor)]] = keras.ops.convert_to_numpy(result)
        if failed is not None:
            self.failed = recorder.entries[places[id(tensors[computed])]]["line"]
            raise failed
        return self.run.FRAMEWORKS["keras"].call(model, arrays, count, again=True)

    def _before_failure(self, model, tensors, given):
        """How many of the tensors, in order of execution, can be computed, and their numbers."""
        least, most, results = 0, len(tensors), []
        while most - least > 1:
            middle = (least + most) // 2
            try:
                results, least = self.keras.Model(model.inputs, tensors[:middle])(given), middle
            except Exception:
                most = middle
        return least, results

    def _watch_activations(self, model):
        """Let each layer that applies an activation tell what it is applied to."""
        for layer in model._flatten_layers():
            activation = vars(layer).get("activation")
            if callable(activation) and getattr(activation, "__name__", "") != "linear" and hasattr(layer, "kernel"):
                layer.activation = self._watched(layer, activation)

    def _watched(self, layer, activation):
        def watched(x):
            self.before.setdefault(id(layer), []).append(x)
            if self.recorder.is_tensor(x):
                self.recorder.add(x, None, (), self.recorder.constructed.get(id(layer)))
            return activation(x)

        return watched

    def numbers(self):
        convert = self.keras.ops.convert_to_numpy
        for number, entry in enumerate(self.recorder.entries):
            tensor = entry["tensor"]
            if not isinstance(tensor, self.symbolic):
                yield entry, convert(tensor)
                continue
            history = tensor._keras_history
            entry["constructor"] = self.recorder.constructed.get(id(history.operation))
            calls = self.before.get(id(history.operation), [])
            if calls:
                before = calls[min(history.node_index, len(calls) - 1)]
                yield {**entry, "part": True}, convert(before)
            yield entry, self.found.get(number)


def _is_input(tensor):
    return type(tensor._keras_history.operation).__name__ == "InputLayer"


_FRAMEWORKS = {"pytorch": _PyTorch, "keras": _Keras}


def differences(expected, actual):
    """The weights that are not those expected: of each its key and what is wrong with it."""
    found = []
    for key in [*expected, *(key for key in actual if key not in expected)]:
        if key not in actual or key not in expected:
            found.append({"key": key, "problem": "missing" if key not in actual else "unexpected"})
            continue
        want, have = np.asarray(expected[key]), np.asarray(actual[key])
        if want.shape != have.shape:
            found.append({"key": key, "problem": "shape", "expected": list(want.shape), "found": list(have.shape)})
            continue
        if want.dtype != have.dtype and want.dtype.kind == have.dtype.kind == "f":
            found.append({"key": key, "problem": "type", "expected": want.dtype.name, "found": have.dtype.name})
            continue
        unequal = np.asarray(want != have) & ~(_not_a_number(want) & _not_a_number(have))
        if unequal.any():
            with np.errstate(all="ignore"):
                gap = np.where(unequal, np.abs(want.astype(np.float64) - have.astype(np.float64)), 0.0)
                gap = np.nan_to_num(gap, nan=np.inf)
            index = np.unravel_index(int(gap.argmax()), gap.shape)
            scale = float(np.abs(want.astype(np.float64)).max())
            found.append(
                {
                    "key": key,
                    "problem": "numbers",
                    "count": int(unequal.sum()),
                    "size": int(want.size),
                    "index": [int(i) for i in index],
                    "expected": float(want[index]),
                    "found": float(have[index]),
                    "relative": float(gap[index]) / scale if scale else float("inf"),
                }
            )
    return found


def _is_rearranged(rows, expected, actual):
    """Whether the weights that differ hold each other's numbers, and say of each whose: they were given to others."""
    keys = [row["key"] for row in rows]
    for row in rows:
        holder = actual.get(row["key"])
        owners = [] if row["problem"] != "numbers" else [k for k in keys if np.array_equal(expected.get(k), holder)]
        if not owners:
            return False
        row["owner"] = owners[0]
    return bool(rows)


def _not_a_number(array):
    return np.isnan(array.astype(np.float64)) if array.dtype.kind not in "OUSbiu" else np.zeros(array.shape, bool)


def main(job, run):
    """Run the job's first case and write what was recorded, up to the job's ``budget`` of bytes, and what is wrong with the
    weights."""
    framework = _FRAMEWORKS[job["framework"]](run)
    folder, model, raised, weights, returned = job["folder"], None, None, [], None
    expected = framework.expected(job["expected"])
    try:
        model = framework.load(folder)
    except Exception as error:
        raised = _raised(error, folder)
        try:
            model = framework.unloaded()
        except Exception:
            model = None
    if model is not None:
        actual = run.FRAMEWORKS[job["framework"]].weights(model)
        if raised is None and not job["fresh"]:
            weights = differences(expected, actual)
            if _is_rearranged(weights, expected, actual):  # then the code may be wrong, as where layers are in another order
                assign(model, {row["key"]: expected[row["key"]] for row in weights}, job["framework"])
        else:  # what it was filled with says nothing
            weights = [row for row in differences(expected, actual) if row["problem"] != "numbers"]
            assign(model, {k: v for k, v in expected.items() if k in actual and actual[k].shape == v.shape}, job["framework"])
        with np.load(job["arrays"], allow_pickle=False) as arrays:
            case = run.restored(job["cases"][0], arrays)
        try:
            found = framework.call(model, case, job["outputs"])
            returned = found if framework.whole else None
        except Exception as error:
            raised = raised or _raised(error, folder)
            if not raised["lines"] and framework.failed is not None:
                raised["lines"] = [framework.failed]
    results = {}
    answer = {"raised": raised, "weights": weights, "versions": run.FRAMEWORKS[job["framework"]].versions()}
    answer["entries"] = _entries(framework, run, job["budget"], results)
    answer["returned"] = run.stored(returned, "returned", results)
    np.savez(job["results"], **results)
    Path(job["answer"]).write_text(json.dumps(answer))


def watch(job, run):
    """Run the case ``inside`` of a job whose code is known to run, and write what was recorded, as ``main`` does."""
    framework = _FRAMEWORKS[job["framework"]](run)
    model = framework.load(job["folder"])
    if job["assign"] is not None:
        run.FRAMEWORKS[job["framework"]].assign(model, job["assign"])
    with np.load(job["arrays"], allow_pickle=False) as arrays:
        framework.call(model, run.restored(job["inside"]["case"], arrays), job["outputs"])
    results = {}
    answer = {"entries": _entries(framework, run, job["inside"]["budget"], results)}
    np.savez(job["inside"]["results"], **results)
    Path(job["inside"]["answer"]).write_text(json.dumps(answer))


def _entries(framework, run, budget, results):
    """What was recorded, in order; the numbers go into ``results``."""
    entries, left, renumbered = [], budget, {}
    tensors = [id(entry["tensor"]) for entry in framework.recorder.entries]
    for entry, array in framework.numbers():
        number = len(entries)
        if not entry.get("part"):
            renumbered[id(entry["tensor"])] = number
        row = {"line": entry["line"], "constructor": entry["constructor"], "array": None}
        row["operands"] = [renumbered[tensors[other]] for other in entry["operands"]]
        row["part"] = bool(entry.get("part"))
        row["over"] = bool(entry.get("over"))
        if array is not None and array.nbytes <= left:
            row["array"] = run.stored(array, str(number), results)
            left -= array.nbytes
        if entries and entries[-1]["part"]:
            row["operands"] = [number - 1]
        entries.append(row)
    for row in entries:
        del row["part"]
    return entries


def assign(model, arrays, framework):
    """Give the model those weights."""
    if framework == "pytorch":
        import torch

        with torch.no_grad():
            state = model.state_dict()
            for key, array in arrays.items():
                state[key].copy_(torch.from_numpy(np.ascontiguousarray(array)))
        return
    variables = {variable.path: variable for variable in model.weights}
    for key, array in arrays.items():
        variables[key].assign(array)
