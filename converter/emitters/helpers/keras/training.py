"""Copied into emitted Keras code: steps of optimisers."""

from keras import ops


def by_kind(step, tensors, kinds):
    """``step`` on each set of tensors, which stand kind by kind; its results kind by kind as well."""
    count = len(tensors) // kinds
    results = [step(*tensors[i::count]) for i in range(count)]
    return tuple(result for kind in zip(*results) for result in kind)


def adagrad_step(rate, count, tensors, norm_coefficient, decay_factor, epsilon):
    """New weights and sums of squared gradients."""
    rate = rate / (1 + ops.cast(count, "float32") * decay_factor)

    def step(x, gradient, squares):
        gradient = norm_coefficient * x + gradient
        squares = squares + gradient * gradient
        return x - rate * gradient / (ops.sqrt(squares) + epsilon), squares

    return by_kind(step, tensors, 3)


def adam_step(rate, count, tensors, alpha, beta, epsilon, norm_coefficient, norm_coefficient_post):
    """New weights, running gradients and running squares of gradients."""
    count = ops.cast(count, "float32")
    rate = ops.where(count > 0, rate * ops.sqrt(1 - beta**count) / (1 - alpha**count), rate)

    def step(x, gradient, average, squares):
        gradient = norm_coefficient * x + gradient
        average = alpha * average + (1 - alpha) * gradient
        squares = beta * squares + (1 - beta) * gradient * gradient
        x = x - rate * average / (ops.sqrt(squares) + epsilon)
        return (1 - norm_coefficient_post) * x, average, squares

    return by_kind(step, tensors, 4)


def momentum_step(rate, count, tensors, alpha, beta, norm_coefficient, nesterov):
    """New weights and momenta; the first step takes the gradient whole."""
    beta = ops.where(count > 0, beta, 1.0)

    def step(x, gradient, momentum):
        gradient = norm_coefficient * x + gradient
        momentum = alpha * momentum + beta * gradient
        return x - rate * (gradient + alpha * momentum if nesterov else momentum), momentum

    return by_kind(step, tensors, 3)
