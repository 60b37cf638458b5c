"""Copied into emitted PyTorch code: steps of optimisers."""

import torch


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
