"""Copied into emitted code of both targets: sequences, which are lists."""


def inserted(sequence, tensor, place):
    """The list with a tensor put before a place; a negative one counts from the end."""
    place = place + len(sequence) if place < 0 else place
    return [*sequence[:place], tensor, *sequence[place:]]


def erased(sequence, place):
    """The list without the tensor at a place; a negative one counts from the end."""
    return [part for i, part in enumerate(sequence) if i != place % len(sequence)]
