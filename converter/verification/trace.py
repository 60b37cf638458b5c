"""Runs a converted model once and records every tensor that its code computes, with the line of model.py that computes it.

Part of the program ``run.py``, loaded only where tracing is asked for; like it, it needs nothing of this package. The text of
model.py is not changed: its syntax tree is, so that a recorder does what each expression would.
"""

import ast
import importlib.util
import itertools
import json
import operator
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

_RECORD, _OPERATORS = "__trace__", "__operators__"
_BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.MatMult: "matmul",
    ast.LShift: "lshift", ast.RShift: "rshift", ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor",
}  # fmt: skip
_UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert", ast.Not: "not_"}
_COMPARED = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}
_OF_THE_FRAME = {"super", "locals", "globals", "vars", "dir", "eval", "exec", "isinstance", "len", "range", "print"}
"""Functions that look at the frame which calls them, and such as give no tensor."""
_ATTRIBUTES = {"T", "mT", "H", "real", "imag"}
_numbers = itertools.count()


class _Instrument(ast.NodeTransformer):
    """Lets a recorder do each call, operator and subscript: ``__trace__(place, function, *arguments)``, so that it sees what is
    read as well as what is given, whatever expressions the arguments are. ``places`` holds of each the line."""

    def __init__(self):
        self.places = []  # with each, whether what it computes is written over what it reads
        self.writes = False
        """Whether some statement changes a tensor that another one has computed."""
        self.returns = {}  # by name of a class: the last line of its method ``call``, of which Keras lets nothing be seen

    def visit_FunctionDef(self, node):
        if node.name == "compute_output_spec":  # what it gives belongs to the line that calls the layer
            return node
        node.body = self._statements(node.body)
        return node

    def visit_ClassDef(self, node):
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and each.name == "call":
                self.returns[node.name] = each.body[-1].lineno
        node.body = self._statements(node.body)
        return node

    def _statements(self, body):
        found = [self.visit(statement) for statement in body]
        return [each for one in found for each in (one if isinstance(one, list) else [one])]

    def visit_AnnAssign(self, node):
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_Assign(self, node):
        is_named = isinstance(node.value, ast.Attribute | ast.IfExp | ast.BoolOp)
        node = self.generic_visit(node)
        if is_named:
            node.value = self._of_the_recorder(node, "named", [self._place(node), node.value])
        return self._written(node, [target for target in node.targets if isinstance(target, ast.Subscript)])

    def visit_AugAssign(self, node):
        self.writes = True
        target, node = node.target, self.generic_visit(node)
        if isinstance(target, ast.Subscript):
            return self._written(node, [target])
        read = _as_read(target)
        function = self._operator("i" + _BINARY[type(node.op)].rstrip("_"))
        return ast.copy_location(ast.Assign([target], self._recorded(node, function, [read, node.value])), node)

    def _written(self, node, targets):
        """A statement that writes into tensors, and behind it that they have changed."""
        bases = []
        for target in targets:
            while isinstance(target, ast.Subscript):
                target = target.value
            if isinstance(target, ast.Name | ast.Attribute):
                bases.append(_as_read(target))
        if not bases:
            return node
        self.writes = True
        node.value = self._of_the_recorder(node.value, "holding", [node.value])
        call = self._of_the_recorder(node, "written", [self._place(node), *bases])
        return [node, ast.copy_location(ast.Expr(call), node)]

    def visit_JoinedStr(self, node):
        return node

    def visit_match_case(self, node):
        node.guard = None if node.guard is None else self.visit(node.guard)
        node.body = self._statements(node.body)
        return node

    def visit_Call(self, node):
        over = any(keyword.arg == "inplace" for keyword in node.keywords)
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "inplace"]
        self.writes |= any(keyword.arg == "out" for keyword in node.keywords)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        self.writes |= name.endswith("_") and not name.endswith("__")
        node = self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _OF_THE_FRAME:
            return node
        return self._recorded(node, node.func, node.args, node.keywords, over)

    def visit_BinOp(self, node):
        node = self.generic_visit(node)
        return self._recorded(node, self._operator(_BINARY[type(node.op)]), [node.left, node.right])

    def visit_UnaryOp(self, node):
        if isinstance(node.operand, ast.Constant):
            return node
        node = self.generic_visit(node)
        return self._recorded(node, self._operator(_UNARY[type(node.op)]), [node.operand])

    def visit_Compare(self, node):
        node = self.generic_visit(node)
        if len(node.ops) > 1 or type(node.ops[0]) not in _COMPARED:
            return node
        return self._recorded(node, self._operator(_COMPARED[type(node.ops[0])]), [node.left, node.comparators[0]])

    def visit_Subscript(self, node):
        node = self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            return node
        return self._recorded(node, self._operator("getitem"), [node.value, self._index(node.slice)])

    def visit_Attribute(self, node):
        node = self.generic_visit(node)
        if node.attr not in _ATTRIBUTES or not isinstance(node.ctx, ast.Load):
            return node
        getter = ast.Call(self._operator("attrgetter"), [ast.Constant(node.attr)], [])
        return self._recorded(node, getter, [node.value])

    def _index(self, node):
        if isinstance(node, ast.Slice):
            bounds = [ast.Constant(None) if each is None else each for each in (node.lower, node.upper, node.step)]
            return ast.Call(self._operator("slice"), bounds, [])
        return ast.Tuple([self._index(each) for each in node.elts], ast.Load()) if isinstance(node, ast.Tuple) else node

    def _recorded(self, node, function, arguments, keywords=(), over=False):
        call = ast.Call(ast.Name(_RECORD, ast.Load()), [self._place(node, over), function, *arguments], list(keywords))
        return ast.fix_missing_locations(ast.copy_location(call, node))

    @staticmethod
    def _of_the_recorder(node, method, arguments):
        call = ast.Call(ast.Attribute(ast.Name(_RECORD, ast.Load()), method, ast.Load()), arguments, [])
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def _place(self, node, over=False):
        self.places.append((node.lineno, over))
        return ast.Constant(len(self.places) - 1)

    @staticmethod
    def _operator(name):
        return ast.Attribute(ast.Name(_OPERATORS, ast.Load()), name, ast.Load())


OPERATORS = SimpleNamespace(**vars(operator), slice=slice)


def _as_read(target):
    """A name or an attribute that is assigned to, as an expression; what it is an attribute of has been visited already."""
    if isinstance(target, ast.Name):
        return ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)


class Recorder:
    """What the code computed, in order. ``is_tensor`` decides what is recorded."""

    def __init__(self, is_tensor, is_layer):
        self.is_tensor, self.is_layer = is_tensor, is_layer
        self.version = lambda tensor: 0  # another number once the tensor was written over
        self.copied = None  # gives the numbers of a tensor that may be written over later
        self.constructed = {}  # by identity of a layer: its line; the layer stands in ``layers``
        self.layers = []
        self.over = set()  # identities of layers that write over what they read
        self.places = []
        self.failed = None  # the line that constructs the layer which failed
        self._held = None
        self._calls = []  # those that have not ended yet, outermost first
        self.forget()

    def forget(self):
        """What was computed until now."""
        self.entries = []  # dictionaries, with the tensor itself, so that its identity is not used again
        self._known = {}

    def __call__(self, place, function, /, *arguments, **options):
        line, over = self.places[place]
        given = [getattr(function, "__self__", None), *arguments, *options.values()]
        read = [self.number(tensor, line) for value in given for tensor in self._tensors(value)]
        call = {"line": line, "first": len(self.entries), "last": None}
        self._calls.append(call)
        try:
            result = function(*arguments, **options)
        except BaseException:
            call["last"] = len(self.entries)
            self.failed = self.failed or self.constructed.get(id(function))
            raise
        finally:
            self._calls.pop()
        if self.is_layer(result) and not self.is_tensor(result):  # a parameter is either, before it runs and then
            if over:
                self.over.add(id(result))
            if id(result) not in self.constructed:
                self.constructed[id(result)] = line
                self.layers.append(result)
            return result
        tensors = list(self._tensors(result))
        if tensors:
            for tensor in tensors:
                number = self.add(tensor, line, read)
                self.entries[number]["over"] |= over
            call["last"] = len(self.entries)
        return result

    def named(self, place, value):
        """A value that a statement gives a name, and that may come from elsewhere, as from a call before."""
        for tensor in self._tensors(value):
            self.number(tensor, self.places[place][0])
        return value

    def holding(self, value):
        self._held = value
        return value

    def written(self, place, *tensors):
        """Something was written into tensors, what ``holding`` got last."""
        read = [self.number(tensor) for tensor in self._tensors(self._held)]
        for tensor in filter(self.is_tensor, tensors):
            self.add(tensor, self.places[place][0], read)

    def add(self, tensor, line, read=(), constructor=None):
        """The number of the tensor's entry; of one that is known, what was not known of it is filled in. A tensor that was
        written over since is another one."""
        number, version = self._known.get(id(tensor)), self.version(tensor)
        if number is None or self.entries[number]["version"] != version:
            read = read if number is None else [number, *read]
            number = self._known[id(tensor)] = len(self.entries)
            self.entries.append(
                {"line": line, "constructor": constructor, "operands": [], "tensor": tensor, "version": version}
                | {"calls": self._calls[::-1], "over": False, "copy": None if self.copied is None else self.copied(tensor)}
            )
        entry = self.entries[number]
        entry["line"] = line if entry["line"] is None else entry["line"]
        entry["operands"] = entry["operands"] or [other for other in dict.fromkeys(read) if other < number]
        return number

    def number(self, tensor, line=None):
        """The number of the tensor's entry; ``line`` is where it is seen first, if it comes from elsewhere."""
        return self.add(tensor, line if id(tensor) not in self._known else None)

    def _tensors(self, value, depth=2):
        if self.is_tensor(value):
            yield value
        elif isinstance(value, list | tuple | dict) and depth:
            for item in value.values() if isinstance(value, dict) else value:
                yield from self._tensors(item, depth - 1)


def _load(recorder, folder):
    """The module of model.py, instrumented; its lines are those of the file."""
    path = Path(folder) / "model.py"
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    instrument = _Instrument()
    tree = instrument.visit(tree)
    recorder.places, recorder.writes, recorder.returns = instrument.places, instrument.writes, instrument.returns
    specification = importlib.util.spec_from_file_location(f"traced_model_{next(_numbers)}", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name], recorder.module = module, specification.name
    vars(module).update({_RECORD: recorder, _OPERATORS: OPERATORS})
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
        held = torch.nn.Module | torch.nn.Parameter
        self.recorder = Recorder(lambda value: False, lambda value: isinstance(value, held))
        self.failed, self.whole, self.complete = None, True, True
        self.left = 0  # bytes that may be copied yet

    def expected(self, path):
        from safetensors.torch import load_file

        return {key: self.run.as_array(tensor) for key, tensor in load_file(path).items()}

    def load(self, folder):
        return _load(self.recorder, folder).load_model()

    def unloaded(self, error):
        """The model as it is before its weights are loaded, where loading them failed; None where constructing it did."""
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_name == "__init__":
                return None
            traceback = traceback.tb_next
        modules = [layer for layer in self.recorder.layers if isinstance(layer, self.torch.nn.Module)]
        return modules[-1].eval() if modules else None

    def held(self, model):
        """Of each layer and parameter that was constructed the names of the weights in it."""
        names = {id(tensor): name for name, tensor in itertools.chain(model.named_parameters(), model.named_buffers())}
        for each in self.recorder.layers:
            tensors = [each] if isinstance(each, self.torch.Tensor) else itertools.chain(each.parameters(), each.buffers())
            yield each, [names[id(tensor)] for tensor in tensors if id(tensor) in names]

    def earlier(self, model, arrays, count):
        """A call before the one that is looked into; where it fails it is that one itself."""
        found = self.call(model, arrays, count)
        self.recorder.forget()
        return found

    def call(self, model, arrays, count, returned=True):
        torch, recorder, run = self.torch, self.recorder, self.run
        recorder.is_tensor = lambda value: isinstance(value, torch.Tensor | np.ndarray)
        recorder.version = self._version
        recorder.copied = self._copied if recorder.writes else None

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
            with torch.no_grad():  # and not in inference mode, in which tensors do not count how often they are written over
                results = model(*(run.converted(array, run.as_tensor) for array in arrays))
        finally:
            handle.remove()
        return [run.converted(result, run.as_array) for result in (results if count > 1 else [results])]

    def _version(self, tensor):
        return tensor._version if isinstance(tensor, self.torch.Tensor) and not tensor.is_inference() else 0

    def _copied(self, tensor):
        self.left -= tensor.nbytes
        return np.array(self._array(tensor)) if self.left >= 0 else None

    def _array(self, tensor):
        return tensor if isinstance(tensor, np.ndarray) else self.run.as_array(tensor)

    def numbers(self):
        for entry in self.recorder.entries:
            yield entry, None, self._array(entry["tensor"]) if entry["copy"] is None else entry["copy"]


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
        self.given = {}  # the weights that the model should have
        self.complete = True  # all that computes anything was constructed
        self.whole = True  # the model is the one that is loaded, and not all that the code had constructed until it failed
        self.failed = None  # the line that computes the first tensor which cannot be computed

    def expected(self, path):
        from safetensors.numpy import load_file

        self.given = load_file(path)
        return self.given

    def load(self, folder):
        return _load(self.recorder, folder).load_model()

    def unloaded(self, error):
        self.whole = False
        self.complete = any(isinstance(layer, self.keras.Model) for layer in self.recorder.layers)
        tensors = self._connected()
        inputs = [entry["tensor"] for entry in self.recorder.entries if _is_input(entry["tensor"])]
        return self.keras.Model(inputs, tensors) if inputs and tensors else None

    def held(self, model):
        """Of each layer that was constructed the paths of the weights in it."""
        for layer in self.recorder.layers:
            yield layer, [variable.path for variable in layer.weights]

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

    def earlier(self, model, arrays, count):
        """A call before the one that is looked into."""
        return self.run.FRAMEWORKS["keras"].call(model, arrays, count)

    def call(self, model, arrays, count, returned=True):
        """``returned``: what the model gives back is asked for as well."""
        keras, recorder = self.keras, self.recorder
        inputs = arrays[0] if len(arrays) == 1 else arrays
        self._watch_activations(model)
        if not isinstance(model, keras.src.models.functional.Functional):
            recorder.is_tensor = lambda value: keras.ops.is_tensor(value) and not isinstance(value, self.symbolic)
            return self.run.FRAMEWORKS["keras"].call(model, arrays, count, again=True)
        tensors = self._connected()
        places = {id(entry["tensor"]): number for number, entry in enumerate(recorder.entries)}
        given = inputs if len(arrays) > 1 else [inputs]
        whole = keras.Model(model.inputs, tensors)
        self._fill(model, whole)
        try:
            computed, results, failed = len(tensors), whole(given), None
        except Exception as error:
            (computed, results), failed = self._before_failure(model, tensors, given), error
        for tensor, result in zip(tensors[:computed], results, strict=True):
            self.found[places[id(tensor)]] = keras.ops.convert_to_numpy(result)
        if failed is not None:
            self.failed = recorder.entries[places[id(tensors[computed])]]["line"]
            raise failed
        return self.run.FRAMEWORKS["keras"].call(model, arrays, count, again=True) if returned else None

    def _fill(self, model, whole):
        """Give the layers that no output depends on any more, so that the model has lost them, their weights all the same."""
        own = {id(variable) for variable in model.weights}
        for variable in whole.weights:
            array = self.given.get(variable.path)
            if id(variable) not in own and array is not None and array.shape == tuple(variable.shape):
                variable.assign(array)

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
                yield entry, None, convert(tensor)
                continue
            history = tensor._keras_history
            entry["constructor"] = self.recorder.constructed.get(id(history.operation))
            inside = self.recorder.returns.get(type(history.operation).__name__)
            if inside is not None and type(history.operation).__module__ == self.recorder.module:
                call = {"line": entry["line"], "first": number, "last": number + 1}
                entry |= {"line": inside, "calls": [call, *entry["calls"]]}
            calls = self.before.get(id(history.operation), [])
            before = convert(calls[min(history.node_index, len(calls) - 1)]) if calls else None
            yield entry, before, self.found.get(number)


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


def _lines(framework, model):
    """By the name of a weight, and of the layer that has it, the line that constructs what holds it, the innermost with one."""
    held = sorted(framework.held(model), key=lambda row: len(row[1]), reverse=True)
    lines = [(name, framework.recorder.constructed[id(each)]) for each, names in held for name in names]
    layers = [(framework.run.holder(name), line) for name, line in lines]
    return {layer: line for layer, line in layers if layer} | dict(lines)


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
    """Run the job's cases and write what was recorded of the last, or of the one that failed, up to the job's ``budget`` of
    bytes, and what is wrong with the weights."""
    framework = _FRAMEWORKS[job["framework"]](run)
    folder, model, raised, weights, returned, earlier, ran = job["folder"], None, None, [], None, [], False
    framework.left = job["budget"]
    expected = framework.expected(job["expected"])
    try:
        model = framework.load(folder)
    except Exception as error:
        raised = _raised(error, folder)
        try:
            model = framework.unloaded(error)
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
        lines = _lines(framework, model) if weights else {}
        weights = [row | {"line": lines.get(row["key"], lines.get(run.holder(row["key"])))} for row in weights]
        given = run.opened(job["arrays"])
        cases = [run.restored(case, given) for case in job["cases"]]
        try:
            for case in cases[:-1]:
                earlier.append(framework.earlier(model, case, job["outputs"]))
            found = framework.call(model, cases[-1], job["outputs"])
            returned = found if framework.whole else None
        except Exception as error:
            raised = raised or _raised(error, folder) | {"loaded": True}
            if not raised["lines"] and framework.failed is not None:
                raised["lines"] = [framework.failed]
        else:
            ran = framework.complete
    constructed = model is not None and framework.complete
    raised = raised and {"loaded": False, "ran": ran, "constructed": constructed, "layer": framework.recorder.failed} | raised
    answer = {"raised": raised, "weights": weights, "versions": run.FRAMEWORKS[job["framework"]].versions()}
    with Path(job["results"]).open("wb") as results:
        answer["entries"] = _entries(framework, run, job["budget"], results)
        answer |= {"returned": run.stored(returned, results), "before": run.stored(earlier, results)}
    Path(job["answer"]).write_text(json.dumps(answer))


def watch(job, run):
    """Run the case ``inside`` of a job whose code is known to run, and write what was recorded, as ``main`` does."""
    framework = _FRAMEWORKS[job["framework"]](run)
    framework.left = job["inside"]["budget"]
    model = framework.load(job["folder"])
    if job["assign"] is not None:
        run.FRAMEWORKS[job["framework"]].assign(model, job["assign"])
    case = run.restored(job["inside"]["case"], run.opened(job["arrays"]))
    framework.call(model, case, job["outputs"], returned=False)
    with Path(job["inside"]["results"]).open("wb") as results:
        answer = {"entries": _entries(framework, run, job["inside"]["budget"], results)}
    Path(job["inside"]["answer"]).write_text(json.dumps(answer))


def _entries(framework, run, budget, results):
    """What was recorded, in order; the numbers go into ``results``."""
    entries, left, renumbered = [], budget, {}
    for own, (entry, before, array) in enumerate(framework.numbers()):
        operands = [renumbered[other] for other in entry["operands"]]
        for part in (array,) if before is None else (before, array):  # of a layer with an activation both
            number = len(entries)
            row = {key: entry[key] for key in ("line", "constructor", "over", "calls")} | {"operands": operands}
            row["array"] = None
            if part is not None and part.nbytes <= left:
                row["array"] = run.stored(part, results)
                left -= part.nbytes
            entries.append(row)
            operands = [number]
        renumbered[own] = len(entries) - 1
    ends = {own + 1: place + 1 for own, place in renumbered.items()} | {0: 0}
    for row in entries:  # calls that give no tensor build the model
        ended = [call for call in row["calls"] if call["last"] is not None]
        row["calls"] = [[call["line"], ends[call["first"]], ends[call["last"]]] for call in ended]
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
