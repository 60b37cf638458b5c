"""The questions: the sizes, ranges and batches that each kind of input gets."""

import numpy as np

from converter.functions import DOMAIN
from converter.graph import Graph, Layer, Node, Probe, Value
from converter.verification.inputs import questions


def first_of_each(graph, seeds=(0, 1), batch_sizes=(1, 3)):
    return [next(ways) for ways in questions(graph, seeds, batch_sizes)]


def test_every_seed_meets_every_batch_size():
    graph = Graph("g", inputs=[Value("x", np.float32, ("batch", 3, 8, 9))])
    asked = first_of_each(graph)
    assert [question.inputs["x"].shape[0] for question in asked] == [1, 3, 3, 1]
    assert len({question.name for question in asked}) == 4
    for question in asked:
        assert question.inputs["x"].dtype == np.float32 and question.inputs["x"].min() < 0


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    graph = Graph("g", inputs=[Value("x", np.float32, (2, 5))])
    first, _, other, _ = (q.inputs["x"] for q in first_of_each(graph))
    again, *_ = (q.inputs["x"] for q in first_of_each(graph))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_images_are_shown_as_pixels_and_as_negative_numbers():
    image = Value("data", np.float32, ("batch", 3, 8, 8))
    graph = Graph("g", inputs=[image], layers=[Layer(1, "data", "Image Input", "8×8×3 images")])
    pixels, _, signed, _ = (question.inputs["data"] for question in first_of_each(graph))
    assert pixels.min() >= 0 and 200 < pixels.max() <= 255
    assert signed.min() < -50


def test_equal_symbols_get_equal_sizes_and_open_sizes_vary():
    graph = Graph(
        "g", inputs=[Value("a", np.float32, ("batch", "length", 4)), Value("b", np.float32, ("batch", "length", None))]
    )
    shapes = set()
    for ways in questions(graph, (0, 1), (2,)):
        for question in ways:
            a, b = question.inputs["a"], question.inputs["b"]
            assert a.shape[:2] == b.shape[:2] and a.shape[0] == 2 and a.shape[2] == 4
            shapes.add(a.shape)
    assert len(shapes) > 1


def test_indices_stay_inside_the_table():
    ids = Value("ids", np.int64, ("batch", 50))
    table = Value.constant(np.zeros((3, 4), np.float32), "table")
    node = Node("Gather", [table, ids], [Value("rows")], {"axis": 0})
    graph = Graph("g", inputs=[ids], outputs=[node.output], nodes=[node])
    for question in first_of_each(graph):
        assert set(np.unique(question.inputs["ids"])) == {0, 1, 2}


def test_all_rows_of_an_embedding_are_within_reach():
    ids = Value("ids", np.int64, ("batch", 50))
    table = Value.constant(np.zeros((300, 4), np.float32), "table")
    node = Node("Embedding", [ids, table], [Value("rows")], domain=DOMAIN)
    graph = Graph("g", inputs=[ids], outputs=[node.output], nodes=[node])
    for question in first_of_each(graph):
        assert {0, 299} <= set(np.unique(question.inputs["ids"])) <= set(range(300))


def test_the_rows_of_an_embedding_are_asked_for_and_each_column_has_its_own_table():
    ids = Value("ids", np.int64, ("batch", 2))
    nodes = []
    for column, size in enumerate((3, 40)):
        chosen = Node("Gather", [ids, Value.constant(np.array(column))], [Value(f"column{column}")], {"axis": 1})
        table = Value.constant(np.zeros((size, 4), np.float32), f"table{column}")
        nodes += [chosen, Node("Embedding", [chosen.output, table], [Value(f"rows{column}")], domain=DOMAIN)]
    graph = Graph("g", inputs=[ids], outputs=[nodes[1].output, nodes[3].output], nodes=nodes)
    for question in first_of_each(graph, batch_sizes=(60,)):
        first, second = question.inputs["ids"].T
        assert set(first) == {0, 1, 2} and 30 < second.max() < 40


def test_indices_stay_inside_an_axis_of_open_size():
    x, edges = Value("x", np.float32, ("nodes", 4)), Value("edges", np.int64, (2, "edges"))
    node = Node("Gather", [x, edges], [Value("rows")], {"axis": 0})
    graph = Graph("g", inputs=[x, edges], outputs=[node.output], nodes=[node])
    for question in first_of_each(graph, batch_sizes=(5,)):
        assert question.inputs["edges"].max() == 4


def test_numbers_of_steps_end_with_the_steps():
    x, lengths = Value("x", np.float32, (12, "batch", 4)), Value("lengths", np.int32, ("batch",))
    weights = [Value.constant(np.zeros(shape, np.float32)) for shape in ((1, 20, 4), (1, 20, 5))]
    node = Node("LSTM", [x, *weights, None, lengths], [Value("y")], {"hidden_size": 5})
    graph = Graph("g", inputs=[x, lengths], outputs=[node.output], nodes=[node])
    found = np.concatenate([question.inputs["lengths"] for question in first_of_each(graph)])
    assert 6 < found.max() <= 12


def test_whole_numbers_that_are_no_index_are_not_always_below_ten():
    graph = Graph("g", inputs=[Value("position_ids", np.int64, ("batch", 20))])
    usual, _, wide, _ = (question.inputs["position_ids"] for question in first_of_each(graph))
    assert usual.max() == 9 and wide.max() == 99


def test_a_flag_is_both_for_each_batch_size():
    graph = Graph("g", inputs=[Value("x", np.float32, ("batch", 3)), Value("flag", bool, ())])
    asked = {(question.batch, bool(question.inputs["flag"])) for question in first_of_each(graph)}
    assert asked == {(1, False), (1, True), (3, False), (3, True)}


def test_no_shape_always_has_the_same_mask():
    """Otherwise what is kept of it from one call to the next would show nowhere."""
    graph = Graph("g", inputs=[Value("attention_mask", np.int64, ("batch", "length"))])
    first, *_, last = (question.inputs["attention_mask"] for question in first_of_each(graph, (0, 1, 2)))
    assert not np.array_equal(first, last[:1])
    assert last[:, 0].all() and not last.all(axis=1).any()


def test_booleans_and_bytes():
    graph = Graph("g", inputs=[Value("flag", bool, (100,)), Value("byte", np.uint8, (1000,))])
    question = first_of_each(graph)[0]
    assert set(np.unique(question.inputs["flag"])) == {False, True}
    assert question.inputs["byte"].min() == 0 and question.inputs["byte"].max() == 255


def test_the_probe_is_asked_first():
    probe = Probe({"x": np.ones((1, 2), np.float32)}, {"y": np.zeros((1, 2), np.float32)})
    graph = Graph("g", inputs=[Value("x", np.float32, ("batch", 2))], probe=probe)
    first = first_of_each(graph)[0]
    assert first.name == "probe" and first.inputs is probe.inputs and first.answer is probe.outputs


def test_a_sum_of_symbols_is_their_sum():
    past = Value("past", np.float32, ("batch", 2, "past", 8))
    ids = Value("ids", np.int64, ("batch", "sequence"))
    mask = Value("attention_mask", np.int64, ("batch", "past + sequence"))
    for question in first_of_each(Graph("g", inputs=[ids, mask, past])):
        lengths = {name: array.shape[1] for name, array in question.inputs.items()}
        assert lengths["attention_mask"] == question.inputs["past"].shape[2] + lengths["ids"]


def test_a_size_that_is_a_sum_without_saying_so_is_found():
    """torch's exporter names the length of a mask like any other."""
    past = Value("past", np.float32, ("s18", 2, "s42", 8))
    graph = Graph("g", inputs=[Value("ids", np.int64, ("s18", "s70")), Value("attention_mask", np.int64, ("s43", "s53")), past])
    ways = next(questions(graph, (0,), (3,)))
    sizes = [(q.inputs["ids"].shape[1], q.inputs["past"].shape[2], q.inputs["attention_mask"].shape[1]) for q in ways]
    assert any(ids > 1 and ids + past == total for ids, past, total in sizes)


def test_a_mask_leaves_every_text_a_token_and_shortens_some():
    graph = Graph("g", inputs=[Value("attention_mask", np.int64, ("batch", "length"))])
    _, three, *_ = first_of_each(graph)
    mask = three.inputs["attention_mask"]
    assert mask[:, 0].all() and mask[0].all() and not mask[1].all()
    assert (np.diff(mask, axis=1) <= 0).all()


def test_positions_that_are_shifted_first_stay_inside_the_table():
    ids = Value("positions", np.int64, ("batch", 50))
    table = Value.constant(np.zeros((6, 4), np.float32), "table")
    add = Node("Add", [ids, Value.constant(np.array(2), "two")], [Value("shifted")])
    node = Node("Gather", [table, add.output], [Value("rows")], {"axis": 0})
    graph = Graph("g", inputs=[ids], outputs=[node.output], nodes=[add, node])
    for question in first_of_each(graph):
        assert set(np.unique(question.inputs["positions"])) == {0, 1, 2, 3}


def test_a_size_nobody_named_may_be_the_batch():
    """As that of a recurrent state, which has the layers in front."""
    graph = Graph("g", inputs=[Value("x", np.float32, ("batch", None)), Value("state", np.float32, (2, None, 8))])
    (ways,) = questions(graph, (0,), (3,))
    asked = {(question.inputs["x"].shape[1], question.inputs["state"].shape[1]) for question in ways}
    assert any(length > 100 and states == 3 for length, states in asked)


def test_a_network_without_a_batch_is_shown_every_kind():
    asked = first_of_each(Graph("g", [Value("x", np.float32, (3, 8, 10))], [], []), (0, 1, 2))
    plain, small, sparse, flat, border, large = (question.inputs["x"] for question in asked)
    assert [question.name for question in asked][:2] == ["seed 0, plain", "seed 0, small"]
    assert np.abs(small).max() < np.abs(plain).max() / 10 < np.abs(large).max() / 100
    assert (flat == flat[:, :1, :1]).all()
    assert np.count_nonzero(sparse) < 80
    assert np.count_nonzero(border) < 60


def test_an_input_that_is_one_for_all_samples_is_of_one_kind():
    inputs = [Value("x", np.float32, ("batch", 3, 8)), Value("offset", np.float32, (1, 8))]
    assert [q.inputs["offset"].shape for q in first_of_each(Graph("g", inputs, [], []))] == [(1, 8)] * 4
