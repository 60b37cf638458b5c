"""What happens to every graph after reading: one ordered list, a reason on each line. Each pass leaves ``check`` passing."""

from __future__ import annotations

from converter.errors import ConversionError
from converter.graph import Graph
from converter.passes.broadcast import broadcast
from converter.passes.cast_like import cast_like
from converter.passes.compose_transposes import compose_transposes
from converter.passes.compose_unsqueezes import compose_unsqueezes
from converter.passes.embedding import embedding
from converter.passes.flatten import flatten
from converter.passes.fold_constants import fold_constants
from converter.passes.free_batch import free_batch
from converter.passes.infer_shapes import infer_shapes
from converter.passes.inline_branches import inline_branches
from converter.passes.linear import linear
from converter.passes.loop_invariants import loop_invariants
from converter.passes.merge_padding import merge_padding
from converter.passes.name_sizes import name_sizes
from converter.passes.pick import pick
from converter.passes.plain_softmax import plain_softmax
from converter.passes.recognise_same import recognise_same
from converter.passes.recover.attention import attention
from converter.passes.recover.between_reshapes import between_reshapes
from converter.passes.recover.channel_shuffle import channel_shuffle
from converter.passes.recover.compose_slices import compose_slices
from converter.passes.recover.concat_of_concat import concat_of_concat
from converter.passes.recover.convolution_bias import convolution_bias
from converter.passes.recover.gated import gated
from converter.passes.recover.gather_all import gather_all
from converter.passes.recover.gelu import gelu
from converter.passes.recover.global_pool import global_pool
from converter.passes.recover.hoist import hoist
from converter.passes.recover.lookup import lookup
from converter.passes.recover.masks import masks
from converter.passes.recover.multihead_attention import multihead_attention
from converter.passes.recover.neutral import neutral
from converter.passes.recover.normalisations import normalisations
from converter.passes.recover.once import once
from converter.passes.recover.one_dimension import one_dimension
from converter.passes.recover.recurrent_layer import recurrent_layer
from converter.passes.recover.repetition import repetition
from converter.passes.recover.roll import roll
from converter.passes.recover.rotate_half import rotate_half
from converter.passes.recover.same_parts import same_parts
from converter.passes.recover.split import split
from converter.passes.recover.unbind import unbind
from converter.passes.recover.windows import window_masks, windows
from converter.passes.recover.zero_bias import zero_bias
from converter.passes.remove_identity import remove_identity
from converter.passes.remove_unused import remove_unused
from converter.passes.resolve_padding import resolve_padding
from converter.passes.scale_batch_norm import scale_batch_norm
from converter.passes.type_bodies import type_bodies
from converter.passes.zero_states import zero_states

PASSES = (
    remove_unused,  # less work for all that follows
    loop_invariants,  # before shapes are inferred: inside a loop little is known of a state, of a weight everything
    infer_shapes,  # all that follows asks for shapes and types; contradictions of the source come out here
    type_bodies,  # after shapes are known around a loop
    cast_like,  # needs types; before folding, which computes the Cast of a constant
    remove_identity,  # before folding, so that a weight behind an Identity stays lazy
    fold_constants,  # after shapes are known: Shape of a known shape is a constant; computed Reshape targets become numbers
    inline_branches,  # after folding, which computes the conditions that exporters leave in
    type_bodies,  # once more, for states whose first values were computed
    fold_constants,  # what that tells inside
    zero_states,  # after folding, before the batch is freed, since states of zeros have a batch of their own
    remove_unused,  # what computed their shape
    free_batch,  # after folding: it looks for the batch in Reshape targets that are constants
    lookup,  # after folding, which computes the places; before sizes get names, of which it needs none
    split,  # before sizes get names: those of its parts follow from it
    same_parts,  # after lists of parts became Split
    unbind,  # likewise
    name_sizes,  # after the batch is free; all that follows asks whether sizes are equal
    fold_constants,  # what others compute from the sizes that turned out to be numbers
    neutral,  # after sizes have names, of which it asks whether they are equal
    recurrent_layer,  # before the Transposes that it makes are composed with others
    compose_transposes,  # before what it leaves as Identity is removed
    remove_identity,  # Reshape and its like that turn out to keep the shape
    compose_unsqueezes,  # once nothing that hands on its input stands between
    remove_unused,  # what computed the target of a Reshape that was removed, and the first Unsqueeze of two
    gather_all,  # after sizes have names, of which it asks whether they are equal
    broadcast,  # after sizes have names, of which it asks whether they are equal
    pick,  # after folding, which computes the ends of slices
    resolve_padding,  # after the batch is free, so that sizes are final
    merge_padding,  # needs explicit sides
    recognise_same,  # after merging, which takes amounts that are numbers
    one_dimension,  # once padding is merged; only the axes of an image that has the axis are fewer then
    convolution_bias,  # once a convolution has its own rank
    scale_batch_norm,  # after folding, which gives Caffe's scales the rank of the image
    plain_softmax,  # after folding and freeing, which tell the shape that a Reshape brings back
    window_masks,  # before attention, whose scores it gives one form
    attention,  # after folding, which computes its scale, and while Reshape and Where are what exporters write
    rotate_half,  # after folding, which computes the ends of slices
    roll,  # likewise
    windows,  # while Reshape is what exporters write
    channel_shuffle,  # likewise
    compose_slices,  # once what is written with slices of one axis is found
    flatten,  # after folding and freeing: a Reshape target is now (0, -1) or sizes
    zero_bias,  # after folding, which computes the zeros
    normalisations,  # formulas, once nothing is left between their operations; before means become pools
    global_pool,  # after folding, which computes the axes
    concat_of_concat,  # once nothing that hands on its input hides what is equal
    gelu,  # formulas too
    gated,  # after Gelu, which has a gate too
    linear,  # after flatten, which gives the rank of 2 it asks for
    embedding,
    remove_unused,  # shapes that were asked of heads
    multihead_attention,  # once attention and products are one operator each, and before reshapes around products go
    between_reshapes,  # once normalisations, activations and products are one operator each
    remove_unused,  # what the passes above left without a reader
    masks,  # of the attention that is put together by now
    remove_unused,  # what computed a mask that goes without saying
    once,  # of what is left, once no pattern asks who else reads a value
    hoist,  # of what is left
    repetition,  # last, of what stands then
)


_WHOLE = {infer_shapes, fold_constants, inline_branches, free_batch, type_bodies, repetition}
"""Passes that look into sub-graphs themselves; all others are called on each sub-graph too."""


def normalise(graph: Graph) -> None:
    """Bring ``graph``, as a reader made it, to the form that emitters expect (``specs/ir.md``).

    Raises ReadError where types or shapes of the source contradict each other, UnsupportedError for a constant too large to
    compute; both name file and node.
    """
    for subgraph in graph.nested():
        subgraph.notes = graph.notes
    try:
        for run in PASSES:
            for each in [graph] if run in _WHOLE else list(graph.nested()):
                run(each)
    except ConversionError as error:
        raise type(error)(error.problems, error.source or graph.source.path) from error
