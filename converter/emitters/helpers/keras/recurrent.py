"""Copied into emitted Keras code: recurrent layers, step by step."""

from keras import ops

from converter.emitters.helpers.keras.quantization import dequantize, dynamic_quantize


def recurrent_outputs(results, backwards):
    """What a layer for each direction gives, directions on an axis of their own: behind time, and first of the states."""
    outputs = [ops.flip(y, axis=1) if back else y for (y, *_), back in zip(results, backwards)]
    states = zip(*(states for _, *states in results))
    return ops.stack(outputs, axis=2), *(ops.stack(state) for state in states)


def over_time(step, x, states, lengths=None, reverse=False):
    """A recurrent cell over the first axis: its outputs and last states; what lies beyond a sample's length is left out."""
    outputs = []
    for t in reversed(range(x.shape[0])) if reverse else range(x.shape[0]):
        new = step(x[t], *states)
        output = new[0]
        if lengths is not None:
            valid = ops.expand_dims(t < lengths, 1)
            output = ops.where(valid, output, ops.zeros_like(output))
            new = [ops.where(valid, state, old) for state, old in zip(new, states)]
        states = new
        outputs.append(output)
    return ops.stack(outputs[::-1] if reverse else outputs), *states


def recurrent(cell, x, w, r, b=None, lengths=None, states=(), direction="forward", batch_first=False, **options):
    """A cell in one direction or both, as ONNX stacks them: outputs (time, direction, batch, feature) and last states."""
    if batch_first:
        x, states = ops.swapaxes(x, 0, 1), [None if state is None else ops.swapaxes(state, 0, 1) for state in states]
    count, size = r.shape[0], r.shape[-1]
    activations = options.pop("activations", None)
    p = options.pop("p", None)
    results = []
    for i in range(count):
        functions = None if activations is None else activations[i * len(activations) // count :]
        bias = ops.zeros((2, w.shape[1])) if b is None else ops.reshape(b[i], (2, -1))
        more = {} if p is None else {"p": ops.split(p[i], 3)}
        step = cell(ops.transpose(w[i]), ops.transpose(r[i]), bias[0], bias[1], functions=functions, **options, **more)
        zeros = ops.repeat(ops.zeros_like(x[0, :, :1]), size, axis=1)
        first = [zeros if state is None else state[i] for state in states]
        results.append(over_time(step, x, first, lengths, reverse=direction == "reverse" or i == 1))
    y, *last = (ops.stack(parts) for parts in zip(*results))
    if batch_first:
        return ops.transpose(y, (2, 1, 0, 3)), *(ops.swapaxes(state, 0, 1) for state in last)
    return ops.swapaxes(y, 0, 1), *last


def lstm_cell(w, r, wb, rb, functions=None, clip=None, input_forget=False, p=(0, 0, 0)):
    """One step of an LSTM with the gates in ONNX' order: input, output, forget, cell."""
    f, g, h = functions or (ops.sigmoid, ops.tanh, ops.tanh)
    f, g = (clipped(function, clip) for function in (f, g))

    def step(x, hidden, cell):
        gates = ops.matmul(x, w) + ops.matmul(hidden, r) + wb + rb
        i, o, forget, c = ops.split(gates, 4, axis=-1)
        i = f(i + p[0] * cell)
        forget = 1 - i if input_forget else f(forget + p[2] * cell)
        cell = forget * cell + i * g(c)
        return f(o + p[1] * cell) * h(cell), cell

    return step


def dynamic_lstm_cell(w, r, wb, rb, **options):
    """One step of an LSTM whose state is rounded to 8 bits, by its own range, before it meets its weights."""
    step = lstm_cell(w, r, wb, rb, **options)
    return lambda x, hidden, cell: step(x, dequantize(*dynamic_quantize(hidden)), cell)


def gru_cell(w, r, wb, rb, functions=None, clip=None, linear_before_reset=False):
    """One step of a GRU with the gates in ONNX' order: update, reset, hidden."""
    f, g = (clipped(function, clip) for function in (functions or (ops.sigmoid, ops.tanh))[:2])
    size, rb = r.shape[0], ops.expand_dims(rb, 0)

    def step(x, hidden):
        inside = ops.matmul(x, w) + wb
        gates = ops.matmul(hidden, r[:, : 2 * size]) + rb[:, : 2 * size]
        z, reset = ops.split(f(inside[:, : 2 * size] + gates), 2, axis=-1)
        if linear_before_reset:
            past = reset * (ops.matmul(hidden, r[:, 2 * size :]) + rb[:, 2 * size :])
        else:
            past = ops.matmul(reset * hidden, r[:, 2 * size :]) + rb[:, 2 * size :]
        return ((1 - z) * g(inside[:, 2 * size :] + past) + z * hidden,)

    return step


def rnn_cell(w, r, wb, rb, functions=None, clip=None):
    """One step of a simple recurrent network."""
    f = clipped((functions or (ops.tanh,))[0], clip)
    return lambda x, hidden: (f(ops.matmul(x, w) + ops.matmul(hidden, r) + wb + rb),)


def clipped(function, limit):
    """The function of its input kept within -limit and limit."""
    return function if limit is None else lambda x: function(ops.clip(x, -limit, limit))
