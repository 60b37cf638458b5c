"""Copied into emitted PyTorch code: recurrent layers, step by step."""

import torch

from converter.emitters.helpers.pytorch.quantization import dequantize, dynamic_quantize


def recurrent_outputs(result, directions):
    """What ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN`` give, with the directions on an axis of their own."""
    y, states = result
    states = states if isinstance(states, tuple) else (states,)
    return y.unflatten(-1, (directions, -1)).transpose(1, 2), *states


def over_time(step, x, states, lengths=None, reverse=False):
    """A recurrent cell over the first axis: its outputs and last states; what lies beyond a sample's length is left out."""
    outputs = []
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        new = step(x[t], *states)
        output = new[0]
        if lengths is not None:
            valid = (t < lengths).unsqueeze(1)
            output = torch.where(valid, output, 0)
            new = [torch.where(valid, state, old) for state, old in zip(new, states, strict=True)]
        states = new
        outputs.append(output)
    return torch.stack(outputs[::-1] if reverse else outputs), *states


def recurrent(cell, x, w, r, b=None, lengths=None, states=(), direction="forward", batch_first=False, **options):
    """A cell in one direction or both, as ONNX stacks them: outputs (time, direction, batch, feature) and last states."""
    if batch_first:
        x, states = x.transpose(0, 1), [None if state is None else state.transpose(0, 1) for state in states]
    size, count = r.shape[-1], w.shape[0]
    activations = options.pop("activations", None)
    p = options.pop("p", None)
    results = []
    for i in range(count):
        functions = None if activations is None else activations[i * len(activations) // count :]
        bias = w.new_zeros(2 * w.shape[1]) if b is None else b[i]
        step = cell(w[i], r[i], *bias.chunk(2), functions=functions, **options, **({} if p is None else {"p": p[i]}))
        first = [x.new_zeros(x.shape[1], size) if state is None else state[i] for state in states]
        results.append(over_time(step, x, first, lengths, reverse=direction == "reverse" or i == 1))
    y, *last = (torch.stack(parts) for parts in zip(*results, strict=True))
    if batch_first:
        return y.permute(2, 1, 0, 3), *(state.transpose(0, 1) for state in last)
    return y.transpose(0, 1), *last


def lstm_cell(w, r, wb, rb, functions=None, clip=None, input_forget=False, p=None):
    """One step of an LSTM with the gates in ONNX' order: input, output, forget, cell."""
    f, g, h = functions or (torch.sigmoid, torch.tanh, torch.tanh)
    f, g = (clipped(function, clip) for function in (f, g))
    pi, po, pf = (0, 0, 0) if p is None else p.chunk(3)

    def step(x, hidden, cell):
        i, o, forget, c = (x @ w.T + hidden @ r.T + wb + rb).chunk(4, dim=-1)
        i = f(i + pi * cell)
        forget = 1 - i if input_forget else f(forget + pf * cell)
        cell = forget * cell + i * g(c)
        return f(o + po * cell) * h(cell), cell

    return step


def dynamic_lstm_cell(w, r, wb, rb, **options):
    """One step of an LSTM whose state is rounded to 8 bits, by its own range, before it meets its weights."""
    step = lstm_cell(w, r, wb, rb, **options)
    return lambda x, hidden, cell: step(x, dequantize(*dynamic_quantize(hidden)), cell)


def gru_cell(w, r, wb, rb, functions=None, clip=None, linear_before_reset=False):
    """One step of a GRU with the gates in ONNX' order: update, reset, hidden."""
    f, g = (clipped(function, clip) for function in (functions or (torch.sigmoid, torch.tanh))[:2])
    size = r.shape[-1]

    def step(x, hidden):
        inside, gates = x @ w.T + wb, hidden @ r[: 2 * size].T + rb[: 2 * size]
        z, reset = f(inside[:, : 2 * size] + gates).chunk(2, dim=-1)
        if linear_before_reset:
            past = reset * (hidden @ r[2 * size :].T + rb[2 * size :])
        else:
            past = (reset * hidden) @ r[2 * size :].T + rb[2 * size :]
        return ((1 - z) * g(inside[:, 2 * size :] + past) + z * hidden,)

    return step


def rnn_cell(w, r, wb, rb, functions=None, clip=None):
    """One step of a simple recurrent network."""
    f = clipped((functions or (torch.tanh,))[0], clip)
    return lambda x, hidden: (f(x @ w.T + hidden @ r.T + wb + rb),)


def clipped(function, limit):
    """The function of its input kept within -limit and limit."""
    return function if limit is None else lambda x: function(x.clamp(-limit, limit))
