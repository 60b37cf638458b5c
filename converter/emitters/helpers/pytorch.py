"""Functions that emitted PyTorch code copies where PyTorch itself has no equal. Images are (batch, channel, *spatial)."""

import functools
import itertools
import math
import operator

import torch
import torch.nn.functional as F  # noqa: N812

from converter.emitters.helpers.both import resize_places, resize_weights


def same_sides(x, kernel, strides, dilations=1, upper=True):
    """The padding for ``F.pad`` with which windows give ceil(size / stride) results; the odd one at the end where ``upper``."""
    rank = x.ndim - 2
    kernel, strides, dilations = ([n] * rank if isinstance(n, int) else n for n in (kernel, strides, dilations))
    sides = []
    for size, k, stride, dilation in zip(x.shape[2:], kernel, strides, dilations, strict=True):
        total = max((-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        small, large = total // 2, total - total // 2
        sides = [small, large, *sides] if upper else [large, small, *sides]
    return sides


def batch_norm_training(x, scale, bias, mean, variance, momentum=0.9, eps=1e-5):
    """Normalise by the batch's own statistics; also the running mean and variance with these taken in."""
    axes = [0, *range(2, x.ndim)]
    batch_mean, batch_variance = x.mean(axes), x.var(axes, correction=0)
    y = F.batch_norm(x, batch_mean, batch_variance, scale, bias, eps=eps)
    kept, new = momentum, 1 - momentum
    return y, kept * mean + new * batch_mean, kept * variance + new * batch_variance


def layer_norm(x, scale, bias=None, axis=-1, eps=1e-5):
    """Layer normalisation over the axes from ``axis`` on, with the mean and the inverse of the deviation."""
    axes = list(range(axis % x.ndim, x.ndim))
    mean = x.mean(axes, keepdim=True)
    inverse = torch.rsqrt(x.var(axes, correction=0, keepdim=True) + eps)
    y = (x - mean) * inverse * scale
    return (y if bias is None else y + bias), mean, inverse


def attention(
    q, k, v, mask=None, past_key=None, past_value=None, lengths=None,
    heads=None, causal=False, window=(-1, -1), scale=None, softcap=0.0, precision=None, stage=0,
):  # fmt: skip
    """Attention with a cache: the result, keys and values with the past ones, and the scores after a ``stage``.

    Stage 0 is the product of queries and keys, 1 comes after the soft cap, 2 after the mask, 3 after the softmax.
    """
    if heads is not None:
        q, k, v = (x.unflatten(-1, (count, -1)).transpose(1, 2) for x, count in ((q, heads[0]), (k, heads[1]), (v, heads[1])))
    if past_key is not None:
        k, v = torch.cat([past_key, k], dim=2), torch.cat([past_value, v], dim=2)
    groups, queries, keys = q.shape[1] // k.shape[1], q.shape[2], k.shape[2]
    root = (scale or q.shape[-1] ** -0.5) ** 0.5
    scores = (q * root) @ (k.repeat_interleave(groups, dim=1) * root).transpose(2, 3)
    stages = [scores]
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    stages.append(scores)
    offset = 0 if past_key is None else past_key.shape[2]
    if lengths is not None:
        offset = (lengths - queries).reshape(-1, 1, 1, 1)
    place, key = offset + torch.arange(queries, device=q.device)[:, None], torch.arange(keys, device=q.device)
    seen = torch.ones_like(scores, dtype=torch.bool)
    if lengths is not None:
        seen = seen & (key < lengths.reshape(-1, 1, 1, 1))
    if causal:
        seen = seen & (key <= place)
    if window[0] >= 0:
        seen = seen & (key >= place - window[0])
    if window[1] >= 0:
        seen = seen & (key <= place + window[1])
    if mask is not None:
        missing = keys - mask.shape[-1]
        if mask.dtype == torch.bool:
            seen = seen & F.pad(mask, (0, missing))
        else:
            scores = scores + F.pad(mask, (0, missing), value=-torch.inf)
    scores = scores.masked_fill(~seen, -torch.inf)
    stages.append(scores)
    weights = torch.softmax(scores.to(precision or scores.dtype), dim=-1).nan_to_num(0.0).to(q.dtype)
    stages.append(weights)
    y = weights @ v.repeat_interleave(groups, dim=1)
    return (y if heads is None else y.transpose(1, 2).flatten(2)), k, v, stages[stage]


def rotate_half(x):
    """The second half of the features turned negative, then the first."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


def rotary_embedding(x, cos, sin, positions=None, heads=None, size=None, interleaved=False):
    """Turn pairs of the first ``size`` features by the angle of their position."""
    y = x.unflatten(-1, (heads, -1)) if heads is not None else x.transpose(1, 2)
    turned, rest = (y, y[..., :0]) if size is None else (y[..., :size], y[..., size:])
    if positions is not None:
        cos, sin = cos[positions], sin[positions]
    cos, sin = cos.unsqueeze(2), sin.unsqueeze(2)
    a, b = (turned[..., ::2], turned[..., 1::2]) if interleaved else turned.chunk(2, dim=-1)
    pair = cos * a - sin * b, sin * a + cos * b
    turned = torch.stack(pair, dim=-1).flatten(-2) if interleaved else torch.cat(pair, dim=-1)
    y = torch.cat([turned, rest], dim=-1)
    return y.flatten(2) if heads is not None else y.transpose(1, 2)


def write_into_cache(cache, update, starts=None, axis=-2, circular=False):
    """The cache with ``update`` written along ``axis`` from each sample's start on."""
    axis %= cache.ndim
    starts = cache.new_zeros(len(cache), dtype=torch.int64) if starts is None else starts
    places = starts[:, None] + torch.arange(update.shape[axis], device=cache.device)
    if circular:
        places = places % cache.shape[axis]
    places = places.reshape([len(cache), *(update.shape[i] if i == axis else 1 for i in range(1, cache.ndim))])
    return cache.scatter(axis, places.expand_as(update), update)


def causal_convolution(x, weight, bias=None, past=None, silu=False):
    """Depthwise convolution that looks back only, and the last inputs for the next call."""
    size = weight.shape[-1] - 1
    x = F.pad(x, (size, 0)) if past is None else torch.cat([past, x], dim=-1)
    y = F.conv1d(x, weight, bias, groups=weight.shape[0])
    return (F.silu(y) if silu else y), x[..., x.shape[-1] - size :]


def linear_attention(q, k, v, state=None, decay=None, beta=None, heads=1, kv_heads=1, scale=None, delta=False):
    """Attention without softmax: each head's state is updated token by token and read by the query."""
    dtype = q.dtype
    q, k, v = (x.float().unflatten(-1, (n, -1)) for x, n in ((q, heads), (k, kv_heads), (v, kv_heads)))
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    if state is None:
        state = q.new_zeros(len(q), kv_heads, k.shape[-1], v.shape[-1], dtype=dtype)
    kept, outputs = state.float(), []
    for t in range(q.shape[1]):
        key, value = k[:, t, :, :, None], v[:, t, :, None]
        if decay is not None:
            kept = kept * decay[:, t].float().unflatten(-1, (kv_heads, -1)).exp().unsqueeze(-1)
        if delta:
            value = (value - key.transpose(2, 3) @ kept) * beta[:, t].float().reshape(len(q), -1, 1, 1)
        kept = kept + key * value
        read = kept.repeat_interleave(heads // kv_heads, dim=1)
        outputs.append((scale * q[:, t, :, None] @ read).flatten(1))
    return torch.stack(outputs, dim=1).to(dtype), kept.to(state.dtype)


def max_pool_with_indices(x, sizes, strides, dilations, sides, column_major=False):
    """The largest element of each window, and its place in the whole tensor."""
    places = torch.arange(x.numel(), device=x.device).reshape(x.shape)
    if column_major:
        flat = (*x.shape[:2], *x.shape[:1:-1])
        places = torch.arange(x.numel(), device=x.device).reshape(flat).permute(0, 1, *range(x.ndim - 1, 1, -1))
    lowest = -torch.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
    x, places = F.pad(x, sides, value=lowest), F.pad(places, sides)
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations, strict=True), start=2):
        x, places = (
            t.unfold(axis, (size - 1) * dilation + 1, stride)[..., ::dilation].movedim(-1, x.ndim) for t in (x, places)
        )
    count = x.ndim // 2 + 1
    x, places = x.flatten(count), places.flatten(count)
    y, index = x.max(dim=-1)
    return y, places.gather(-1, index.unsqueeze(-1)).squeeze(-1)


def max_unpool(x, indices, sizes, full=None):
    """Each element where its index, counted in the whole tensor, tells; zeros elsewhere."""
    y = x.new_zeros(math.prod([*x.shape[:2], *sizes])).scatter(0, indices.flatten(), x.flatten())
    y = y.reshape(*x.shape[:2], *sizes)
    if full is not None:
        y = F.pad(y, [n for a, b in zip(sizes[::-1], full[::-1], strict=True) for n in (0, b - a)])
    return y


def along(x, values, axis=1, block=0):
    """Values that run along one axis of ``x``, or one for each block there, shaped to broadcast."""
    values = torch.as_tensor(values)
    if values.numel() == 1:
        return values.reshape(())
    if block:
        return values.repeat_interleave(block, dim=axis).narrow(axis, 0, x.shape[axis])
    return values.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]) if values.ndim == 1 else values


def quantize(x, scale, zero_point, dtype, axis=1, block=0, limits=None):
    """round(x / scale) + zero point, within the range of ``dtype`` or narrower ``limits``."""
    y = torch.round(x / along(x, scale, axis, block))
    if zero_point is not None:
        y = y + along(x, zero_point, axis, block).to(y.dtype)
    low, high = (torch.iinfo(dtype).min, torch.iinfo(dtype).max) if limits is None else limits
    return y.clamp(low, high).to(dtype)


def dequantize(x, scale, zero_point=None, axis=1, block=0, dtype=None):
    """(x - zero point) * scale."""
    dtype = torch.float32 if dtype is None else dtype
    y = x.to(dtype)
    if zero_point is not None:
        y = y - along(x, zero_point, axis, block).to(dtype)
    return (y * along(x, scale, axis, block)).to(dtype)


def dynamic_quantize(x):
    """``x`` as uint8, with the scale and zero point that its range asks for."""
    low, high = x.amin().clamp(max=0), x.amax().clamp(min=0)
    scale = torch.where(high > low, (high - low) / 255, 1)
    zero_point = torch.round(-low / scale).clamp(0, 255).to(torch.uint8)
    return quantize(x, scale, zero_point, torch.uint8), scale, zero_point


def centered(x, zero_point=None, axis=1):
    """The integers less their zero point, in int32."""
    return x.int() if zero_point is None else x.int() - along(x, zero_point, axis).int()


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


def cosine_window(size, coefficients, periodic, dtype):
    """c0 - c1 cos(t) + c2 cos(2t) over one period."""
    size = int(size)
    t = 2 * torch.pi * torch.arange(size, dtype=torch.float64) / (size if periodic else size - 1)
    return sum((-1) ** i * c * torch.cos(i * t) for i, c in enumerate(coefficients)).to(dtype)


def dft(x, length=None, axis=None, inverse=False, onesided=False):
    """The Fourier transform along ``axis`` of real numbers or of pairs, which stand on the last axis."""
    axis = (-2 if axis is None else int(axis)) % x.ndim
    length = None if length is None else int(length)
    z = x[..., 0] if x.shape[-1] == 1 else torch.view_as_complex(x.contiguous())
    if inverse and onesided:
        return torch.fft.irfft(z, length, dim=axis).unsqueeze(-1)
    if onesided:
        return torch.view_as_real(torch.fft.rfft(z, length, dim=axis))
    return torch.view_as_real((torch.fft.ifft if inverse else torch.fft.fft)(z, length, dim=axis))


def stft(signal, step, window=None, length=None, onesided=True):
    """Fourier transforms of overlapping frames, each times a window."""
    length = len(window) if length is None else int(length)
    frames = signal.unfold(1, length, int(step)).transpose(2, 3)
    if window is not None:
        frames = frames * window.unsqueeze(-1)
    return dft(frames, onesided=onesided)


def mel_weights(bins, dft_length, sample_rate, low, high):
    """Triangular filters over the spectrum, evenly spaced on the mel scale: (frequency, filter)."""
    given = (bins, dft_length, sample_rate, low, high)
    bins, dft_length, sample_rate, low, high = (torch.as_tensor(x).item() for x in given)
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (low, high))
    mel = torch.arange(bins + 2, dtype=torch.float64) * ((high - low) / (bins + 2)) + low
    edges = (dft_length + 1) * (700 * (10 ** (mel / 2595) - 1)) // sample_rate
    place = torch.arange(dft_length // 2 + 1)[:, None]
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = torch.where(center > lower, (place - lower) / (center - lower).clamp(min=1), (place == center).double())
    falling = (upper - place) / (upper - center).clamp(min=1)
    weights = torch.where((place >= lower) & (place <= center), rising, 0)
    return torch.where((place >= center) & (place < upper), falling, weights)


def non_max_suppression(boxes, scores, count=None, overlap=None, least=None, center=False):
    """Rows (sample, class, box), best first, without boxes that overlap a better one of their class."""
    count, overlap = (0 if x is None else torch.as_tensor(x).item() for x in (count, overlap))
    if center:
        boxes = torch.cat([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], dim=-1)
    low, high = torch.minimum(boxes[..., :2], boxes[..., 2:]), torch.maximum(boxes[..., :2], boxes[..., 2:])
    areas, kept = (high - low).prod(dim=-1), []
    for sample, kind in itertools.product(*map(range, scores.shape[:2])):
        score, a, b, area = scores[sample, kind], low[sample], high[sample], areas[sample]
        order = torch.argsort(score, descending=True, stable=True)
        order = order if least is None else order[score[order] > least]
        chosen = []
        while len(order) and len(chosen) < count:
            best, order = order[0], order[1:]
            chosen.append([sample, kind, best.item()])
            inside = (torch.minimum(b[best], b[order]) - torch.maximum(a[best], a[order])).clamp(min=0).prod(dim=-1)
            order = order[inside <= overlap * (area[best] + area[order] - inside)]
        kept += chosen
    return torch.tensor(kept, dtype=torch.int64, device=boxes.device).reshape(-1, 3)


def bilinear(x, y_places, x_places, border, combine=torch.sum):
    """Values of images (n, channel, height, width) between their pixels, at places (n, *any).

    The shares of the four pixels around a place are combined, by default to their sum. Beyond ``border`` pixels outside the
    image there are zeros; with a border of 1 the edge pixels reach that far.
    """
    height, width = x.shape[-2:]
    inside = (y_places >= -border) & (y_places <= height - 1 + border)
    inside = inside & (x_places >= -border) & (x_places <= width - 1 + border)
    flat, batch = x.flatten(2), torch.arange(len(x), device=x.device).reshape(-1, *[1] * (y_places.ndim - 1))
    if border:
        y_places, x_places = y_places.clamp(0, height - 1), x_places.clamp(0, width - 1)
    shares = []
    for down, right in itertools.product((0, 1), repeat=2):
        row, column = y_places.floor() + down, x_places.floor() + right
        share = (1 - (y_places - row).abs()) * (1 - (x_places - column).abs())
        valid = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        place = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).long()
        picked = flat.transpose(1, 2)[batch.expand(place.shape), place]
        shares.append(picked * (share * valid).unsqueeze(-1))
    return (combine(torch.stack(shares), dim=0) * inside.unsqueeze(-1)).movedim(-1, 1)


def roi_align(x, rois, batch, size=(1, 1), ratio=0, scale=1.0, half_pixel=True, maximum=False):
    """Averages of bilinear samples on a grid in each region (x1, y1, x2, y2), or the largest share of a pixel in them."""
    combine = torch.amax if maximum else torch.sum
    rois = rois * scale - (0.5 if half_pixel else 0)
    results = []
    for roi, sample in zip(rois, batch.tolist(), strict=True):
        places = []
        for start, end, count in ((roi[1], roi[3], size[0]), (roi[0], roi[2], size[1])):
            length = end - start if half_pixel else (end - start).clamp(min=1)
            samples = ratio if ratio > 0 else math.ceil(length.item() / count)
            step = length / count
            inner = (torch.arange(samples, device=x.device) + 0.5) / samples
            places.append(start + step * (torch.arange(count, device=x.device)[:, None] + inner))
        rows, columns = torch.meshgrid(places[0].flatten(), places[1].flatten(), indexing="ij")
        values = bilinear(x[sample : sample + 1], rows[None], columns[None], 1, combine)[0]
        values = values.unflatten(1, places[0].shape).unflatten(-1, places[1].shape)
        results.append(values.amax(dim=(2, 4)) if maximum else values.mean(dim=(2, 4)))
    return torch.stack(results)


def max_roi_pool(x, rois, size, scale=1.0):
    """The largest element of each cell of the regions (sample, x1, y1, x2, y2); an empty cell gives zero."""
    y = x.new_zeros(len(rois), x.shape[1], *size)
    for i, (sample, *box) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (math.floor(edge * scale + 0.5) for edge in box)
        for row, column in itertools.product(range(size[0]), range(size[1])):
            cuts = []
            for start, end, cell, count, limit in ((y1, y2, row, size[0], x.shape[2]), (x1, x2, column, size[1], x.shape[3])):
                step = max(end - start + 1, 1) / count
                edges = start + math.floor(cell * step), start + math.ceil((cell + 1) * step)
                cuts.append(slice(*(min(max(edge, 0), limit) for edge in edges)))
            cell = x[int(sample), :, cuts[0], cuts[1]]
            if cell.numel():
                y[i, :, row, column] = cell.amax(dim=(1, 2))
    return y


def blocks_to_image(x, image, block, strides, dilations, sides):
    """Sums of overlapping blocks, one a column of (batch, channel * block, place)."""
    image, block = (tuple(torch.as_tensor(sizes).tolist()) for sizes in (image, block))
    padded = [size + sum(side) for size, side in zip(image, sides, strict=True)]
    places = torch.zeros((1, 1), dtype=torch.int64, device=x.device)
    for size, k, stride, dilation in zip(padded, block, strides, dilations, strict=True):
        count = (size - (k - 1) * dilation - 1) // stride + 1
        steps, inside = (torch.arange(number, device=x.device) for number in (count, k))
        along = inside[:, None] * dilation + steps * stride
        places = (places[:, None, :, None] * size + along[None, :, None]).flatten(2).flatten(0, 1)
    x = x.unflatten(1, (-1, math.prod(block))).flatten(2)
    y = x.new_zeros(*x.shape[:2], math.prod(padded)).index_add(2, places.flatten(), x).unflatten(2, padded)
    for axis, (size, (begin, _)) in enumerate(zip(image, sides, strict=True), start=2):
        y = y.narrow(axis, begin, size)
    return y


def deformable_convolution(x, w, offset, bias, mask, strides, dilations, sides, groups=1, offset_groups=1):
    """A convolution that reads each element where ``offset`` moves it, between the pixels, times ``mask``."""
    kernel, (height, width) = w.shape[2:], offset.shape[2:]
    offset = offset.unflatten(1, (offset_groups, *kernel, 2))
    grid = []
    for axis, (count, k) in enumerate(zip((height, width), kernel, strict=True)):
        steps, inside = (torch.arange(number, device=x.device) for number in (count, k))
        place = steps * strides[axis] - sides[axis][0] + inside[:, None] * dilations[axis]
        grid.append(place[:, None, :, None] if axis == 0 else place[None, :, None, :])
    rows, columns = (base + offset[:, :, :, :, i] for i, base in enumerate(grid))
    parts = x.unflatten(1, (offset_groups, -1)).flatten(0, 1)
    values = bilinear(parts, rows.flatten(0, 1), columns.flatten(0, 1), 0)
    if mask is not None:
        values = values * mask.unflatten(1, (offset_groups, *kernel)).flatten(0, 1).unsqueeze(1)
    values = values.unflatten(0, (len(x), offset_groups)).flatten(1, 2).unflatten(1, (groups, -1))
    y = torch.einsum("ngcijhw,gocij->ngohw", values, w.unflatten(0, (groups, -1))).flatten(1, 2)
    return y if bias is None else y + bias[:, None, None]


def map_labels(x, keys, values, default):
    """The value at each element's key, ``default`` where it has none."""
    found = (x.unsqueeze(-1) == keys) | (x.unsqueeze(-1).isnan() & keys.isnan())
    return torch.where(found.any(-1), values[found.int().argmax(-1)], default)


def leaves(x, roots, feature, split, yes, no, missing=None, depth=1):
    """The leaf that each sample reaches in each tree; a leaf is its own child."""
    node = roots.expand(len(x), -1)
    for _ in range(depth):
        value = x.gather(1, feature[node])
        goes = value <= split[node]
        goes = goes if missing is None else goes | (value.isnan() & missing[node])
        node = torch.where(goes, yes[node], no[node])
    return node


def average_pool(pool, x, size, strides, sides):
    """Average over the elements inside ``x``: padding (``sides``, last axis first) is not counted."""
    ones = torch.ones_like(x)
    return pool(F.pad(x, sides), size, strides) / pool(F.pad(ones, sides), size, strides)


def dilated_pool(combine, x, sizes, strides, dilations):
    """Combine the elements of windows with gaps between them, one axis after the other."""
    for axis, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations, strict=True), start=2):
        last = (size - 1) * dilation
        stop = x.shape[axis] - last
        parts = [(slice(None),) * axis + (slice(i, i + stop, stride),) for i in range(0, last + 1, dilation)]
        x = functools.reduce(combine, [x[part] for part in parts])
    return x


def dilated_average_pool(x, sizes, strides, dilations, sides):
    """Average pooling with gaps in the window; padding (``sides``, last axis first) is not counted."""
    total = dilated_pool(operator.add, F.pad(x, sides), sizes, strides, dilations)
    count = dilated_pool(operator.add, F.pad(torch.ones_like(x), sides), sizes, strides, dilations)
    return total / count


def product(x, dim, keepdim=False):
    """The product over several axes."""
    for axis in sorted([dim] if isinstance(dim, int) else [axis % x.ndim for axis in dim], reverse=True):
        x = torch.prod(x, axis, keepdim=keepdim)
    return x


def extreme(reduce, x, dim, keepdim, initial):
    """An extreme over axes of which one may be empty: then ``initial``."""
    initial = initial > 0 if x.dtype == torch.bool else initial
    for axis in dim:
        first = x.new_full([1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)], initial)
        x = torch.cat([x, first], dim=axis)
    return reduce(x, dim=dim, keepdim=keepdim)


def running(function, x, axis, start, exclusive, reverse):
    """A running sum or product, without the element itself, or from the end."""
    if reverse:
        x = torch.flip(x, [axis])
    if exclusive:
        first = torch.full_like(x.narrow(axis, 0, 1), start)
        x = torch.cat([first, x.narrow(axis, 0, x.shape[axis] - 1)], dim=axis)
    x = function(x, dim=axis, dtype=x.dtype)
    return torch.flip(x, [axis]) if reverse else x


def top_k(x, k, axis, largest):
    """The ``k`` largest or smallest elements in order and where they are; of equal ones the first."""
    values, indices = torch.sort(x, dim=axis, descending=largest, stable=True)
    return values.narrow(axis, 0, k), indices.narrow(axis, 0, k)


def sliced(x, starts, ends, axes=None, steps=None):
    """Slices that are computed; a negative step walks from the end."""
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes, steps, strict=True):
        start = max(start, -x.shape[axis]) if step < 0 else start
        places = range(x.shape[axis])[start:end:step]
        x = x.index_select(axis, torch.tensor(places, dtype=torch.int64, device=x.device))
    return x


def gather_nd(x, indices, batch_dims):
    """Slices of ``x`` at the places that the last axis of ``indices`` tells, batch by batch."""
    batch = x.shape[:batch_dims]
    x, indices = x.flatten(0, batch_dims - 1), indices.flatten(0, batch_dims - 1)
    parts = [part[places.unbind(-1)] for part, places in zip(x, indices, strict=True)]
    return torch.stack(parts).unflatten(0, batch)


def scatter_nd(x, indices, updates, reduce):
    """``x`` with ``updates`` combined into the slices that the last axis of ``indices`` tells."""
    depth = indices.shape[-1]
    places = torch.arange(x.shape[:depth].numel(), device=x.device).reshape(x.shape[:depth])
    places = places[indices.unbind(-1)].flatten()
    flat, updates = x.reshape(-1, x.shape[depth:].numel()), updates.reshape(len(places), -1)
    places = places[:, None].expand(updates.shape)
    return flat.scatter_reduce(0, places, updates, reduce).reshape(x.shape)


def one_hot(indices, depth, values, axis):
    """``values[1]`` at each index along a new axis, ``values[0]`` elsewhere."""
    places = torch.arange(depth, device=indices.device).reshape(-1, *[1] * (indices.ndim - axis))
    indices = torch.where(indices < 0, indices + depth, indices)
    return torch.where(places == indices.unsqueeze(axis), values[1], values[0])


def unique(x, axis, sorted):
    """The distinct elements (or slices along ``axis``), where each is first, the inverse and the counts."""
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=axis)
    places = torch.arange(inverse.numel(), device=x.device).flip(0)
    first = torch.empty_like(counts).scatter(0, inverse.flatten().flip(0), places)
    if not sorted:
        order = torch.argsort(first)
        values = values.index_select(0 if axis is None else axis, order)
        inverse, first, counts = torch.argsort(order)[inverse], first[order], counts[order]
    return values, first, inverse.flatten(), counts


def reverse_sequence(x, lengths, time_axis, batch_axis):
    """The first ``lengths[i]`` steps of each sequence in reverse order."""
    x = x.movedim((batch_axis, time_axis), (0, 1))
    steps, lengths = torch.arange(x.shape[1], device=x.device), lengths[:, None]
    order = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return x[torch.arange(len(x), device=x.device)[:, None], order].movedim((0, 1), (batch_axis, time_axis))


def reshaped(x, shape, zero):
    """``x`` in a shape that is computed; a 0 there keeps the size, unless ``zero`` takes it as it is."""
    return x.reshape([x.shape[i] if size == 0 and not zero else size for i, size in enumerate(shape)])


def padded(x, pads, mode, fill, axes=None):
    """Padding of any axes by any mode; negative amounts crop. ``pads`` holds all beginnings, then all ends."""
    axes = range(x.ndim) if axes is None else axes
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        size = x.shape[axis]
        places = torch.arange(-begin, size + end, device=x.device)
        if mode == "edge":
            inside = places.clamp(0, size - 1)
        elif mode == "reflect":
            inside = (places + size - 1) % max(2 * size - 2, 1) - size + 1
        else:
            inside = places % size
        part = x.index_select(axis, inside.abs())
        if mode == "constant":
            outside = ((places < 0) | (places >= size)).reshape(-1, *[1] * (x.ndim - 1 - axis % x.ndim))
            part = torch.where(outside, fill, part)
        x = part
    return x


def resize(
    x,
    sizes=None,
    scales=None,
    roi=None,
    axes=None,
    mode="nearest",
    coordinate_transformation_mode="half_pixel",
    nearest_mode="round_prefer_floor",
    cubic_coeff_a=-0.75,
    exclude_outside=0,
    extrapolation_value=0.0,
    antialias=0,
    keep_aspect_ratio_policy="stretch",
):
    """The image in other sizes, one axis after the other, as the ONNX operator Resize defines it."""
    axes = list(range(len(x.shape))) if axes is None else axes
    if sizes is not None:
        scales = [size / x.shape[axis] for axis, size in zip(axes, sizes, strict=True)]
        if keep_aspect_ratio_policy != "stretch":
            scales = [min(scales) if keep_aspect_ratio_policy == "not_larger" else max(scales)] * len(axes)
            sizes = [int(x.shape[axis] * scale + 0.5) for axis, scale in zip(axes, scales, strict=True)]
    else:
        sizes = [int(x.shape[axis] * scale) for axis, scale in zip(axes, scales, strict=True)]
    crops = coordinate_transformation_mode == "tf_crop_and_resize"
    for i, axis in enumerate(axes):
        size, (start, end) = x.shape[axis], (roi[i], roi[i + len(axes)]) if crops else (0, 1)
        if size == sizes[i] and scales[i] == 1 and not crops:
            continue
        places = resize_places(size, sizes[i], scales[i], coordinate_transformation_mode, start, end)
        how = nearest_mode if mode == "nearest" else mode
        weights = resize_weights(size, places, scales[i], how, cubic_coeff_a, exclude_outside, antialias)
        x = weigh(x, weights, axis)
        if crops:
            outside = ((places < 0) | (places > size - 1)).reshape(-1, *[1] * (len(x.shape) - 1 - axis))
            x = torch.where(torch.from_numpy(outside), extrapolation_value, x)
    return x


def weigh(x, weights, axis):
    """``x`` along an axis multiplied by a matrix, or the elements at the places that a vector tells."""
    weights = torch.from_numpy(weights).to(x.device)
    if weights.ndim == 1:
        return x.index_select(axis, weights)
    return (x.movedim(axis, -1) @ weights.T.to(x.dtype)).movedim(-1, axis)


def wrapped(x, bits, signed):
    """Integers of fewer than 8 bits: what exceeds them wraps round."""
    lowest = -(2 ** (bits - 1)) if signed else 0
    return ((x.to(torch.int64) - lowest) % 2**bits + lowest).to(torch.int8 if signed else torch.uint8)


def rounded(x, mantissa, lowest, largest, beyond):
    """The nearest number with so many bits of mantissa, the even one of two; what exceeds ``largest`` is ``beyond``."""
    x = x.float()
    exponent = torch.clamp(torch.frexp(x).exponent - 1, min=lowest) - mantissa
    x = torch.ldexp(torch.round(torch.ldexp(x, -exponent)), exponent)
    return torch.where(x.abs() > largest, torch.copysign(torch.full_like(x, beyond), x), x)


def power_of_two(x):
    """The next power of two, 2**-127 at least."""
    number, exponent = torch.frexp(x.float())
    return torch.ldexp(
        torch.ones_like(number),
        torch.where(number > 0, torch.where(number == 0.5, exponent - 1, exponent), -127).clamp(-127, 127),
    )


def by_kind(step, tensors, kinds):
    """``step`` on each set of tensors, which stand kind by kind; its results kind by kind as well."""
    count = len(tensors) // kinds
    results = [step(*tensors[i::count]) for i in range(count)]
    return tuple(result for kind in zip(*results, strict=True) for result in kind)


def adagrad_step(rate, count, tensors, norm_coefficient, decay_factor, epsilon):
    """New weights and sums of squared gradients."""
    rate = rate / (1 + count * decay_factor)

    def step(x, gradient, squares):
        gradient = norm_coefficient * x + gradient
        squares = squares + gradient * gradient
        return x - rate * gradient / (torch.sqrt(squares) + epsilon), squares

    return by_kind(step, tensors, 3)


def adam_step(rate, count, tensors, alpha, beta, epsilon, norm_coefficient, norm_coefficient_post):
    """New weights, running gradients and running squares of gradients."""
    rate = rate * (1 - beta**count) ** 0.5 / (1 - alpha**count) if count > 0 else rate

    def step(x, gradient, average, squares):
        gradient = norm_coefficient * x + gradient
        average = alpha * average + (1 - alpha) * gradient
        squares = beta * squares + (1 - beta) * gradient * gradient
        x = x - rate * average / (torch.sqrt(squares) + epsilon)
        return (1 - norm_coefficient_post) * x, average, squares

    return by_kind(step, tensors, 4)


def momentum_step(rate, count, tensors, alpha, beta, norm_coefficient, nesterov):
    """New weights and momenta; the first step takes the gradient whole."""
    beta = beta if count > 0 else 1.0

    def step(x, gradient, momentum):
        gradient = norm_coefficient * x + gradient
        momentum = alpha * momentum + beta * gradient
        return x - rate * (gradient + alpha * momentum if nesterov else momentum), momentum

    return by_kind(step, tensors, 3)


def dropped(x, ratio=0.5, training=True):
    """Dropout where the network itself says whether it trains: the result, and which elements are kept."""
    ratio = ratio if training else 0.0
    kept = torch.rand_like(x) >= ratio
    return torch.where(kept, x / (1 - ratio), 0), kept


def count_ngrams(x, grams, columns, size, skips):
    """How often each n-gram stands in each row, its elements side by side or up to ``skips`` places apart."""
    counts = x.new_zeros((*x.shape[:-1], size), dtype=torch.float32)
    for same, places in zip(grams, columns, strict=True):
        last = len(same[0]) - 1
        for step in range(1, skips + 2 if last else 2):
            stop = max(x.shape[-1] - last * step, 0)
            windows = torch.stack([x[..., i * step : i * step + stop] for i in range(last + 1)], dim=-1)
            found = (windows.unsqueeze(-2) == torch.tensor(same, device=x.device)).all(-1).sum(-2)
            counts[..., places] += found.float()
    return counts


def unsqueezed(x, axes):
    """``x`` with axes of size 1, at places of the result."""
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def middle(x, sizes, axes=None):
    """The middle of ``x`` in other sizes, zeros around it where they are larger; the smaller half comes first."""
    sides = [0] * (2 * x.ndim)
    for axis, size in zip(range(len(sizes)) if axes is None else axes, sizes, strict=True):
        more = size - x.shape[axis]
        place = 2 * (x.ndim - 1 - axis % x.ndim)
        sides[place] = more // 2 if more > 0 else -(-more // 2)
        sides[place + 1] = more - sides[place]
    return F.pad(x, sides)


def depth_to_space(x, block):
    """Channels as blocks of an image, the place in the block before the channel."""
    x = x.unflatten(1, (block, block, -1)).permute(0, 3, 4, 1, 5, 2)
    return x.flatten(4, 5).flatten(2, 3)


def space_to_depth(x, block):
    """Blocks of an image as channels, the place in the block before the channel."""
    x = x.unflatten(3, (-1, block)).unflatten(2, (-1, block)).permute(0, 3, 5, 1, 2, 4)
    return x.flatten(1, 3)


def stacked(parts, axis, sizes, dtype):
    """What the rounds of a loop gave, on an axis of their own; an empty tensor where there was no round."""
    return torch.stack(parts, axis) if parts else torch.empty(*sizes[:axis], 0, *sizes[axis + 1 :], dtype=dtype)


def parts_of(x, sizes, axis, keep=True):
    """Parts along an axis, of one size but for the last one, or of a list of sizes; with or without the axis."""
    return list(torch.split(x, sizes, axis) if keep else torch.unbind(x, axis))


def softmax_of_others(x):
    """The softmax in which numbers next to zero stay what they are in proportion."""
    top = x.amax(-1, keepdim=True)
    powers = torch.where(x.abs() > 1e-7, (x - top).exp(), 0.0)
    return torch.where(x.abs() > 1e-7, powers, x * (-top).exp()) / powers.sum(-1, keepdim=True)


def ordered(x):
    """uint64 numbers as int64 numbers in the same order."""
    return x.to(torch.int64) + torch.iinfo(torch.int64).min


def unordered(x):
    """The uint64 numbers that ``ordered`` was given."""
    return (x + torch.iinfo(torch.int64).min).to(torch.uint64)


def window_partition(x, size):
    """(batch, height, width, channels) as (batch * windows, size, size, channels)."""
    _, height, width, channels = x.shape
    x = x.reshape(-1, height // size, size, width // size, size, channels)
    return x.transpose(2, 3).reshape(-1, size, size, channels)


def window_reverse(windows, size, height, width):
    """(batch * windows, ..., channels) put back as (batch, height, width, channels)."""
    channels = windows.shape[-1]
    x = windows.reshape(-1, height // size, width // size, size, size, channels)
    return x.transpose(2, 3).reshape(-1, height, width, channels)
