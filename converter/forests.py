"""Decision trees as arrays, in which one walk serves all comparisons: each becomes ``x <= split``."""

from __future__ import annotations

import numpy as np

from converter.graph import Node


class Forest:
    """Nodes of all trees in arrays; a leaf is its own child and has a row of weights."""

    def __init__(self, targets: int, dtype: np.dtype):
        self.rows: list[list] = []  # feature, split, yes, no, whether a missing number goes to yes
        self.weights: list[np.ndarray] = []
        self.roots: list[int] = []
        self.targets, self.dtype = targets, dtype

    def leaf(self, pairs) -> int:
        """A leaf that adds (target, weight) pairs."""
        place = len(self.rows)
        self.rows.append([0, 0, place, place, False])
        self.weights.append(np.zeros(self.targets, self.dtype))
        for target, weight in pairs:
            self.weights[-1][target] += weight
        return place

    def branch(self, mode: str, feature: int, split: float, yes: int, no: int, missing: bool) -> int:
        if mode in ("BRANCH_GTE", "BRANCH_GT"):
            return self.branch("BRANCH_LT" if mode == "BRANCH_GTE" else "BRANCH_LEQ", feature, split, no, yes, not missing)
        if mode == "BRANCH_NEQ":
            return self.branch("BRANCH_EQ", feature, split, no, yes, not missing)
        below = np.nextafter(self.dtype.type(split), self.dtype.type(-np.inf))
        tiny = np.finfo(self.dtype).tiny
        if abs(below) < tiny:  # TensorFlow takes denormal numbers for zero
            below = self.dtype.type(0) if split > 0 else -tiny
        if mode == "BRANCH_EQ":
            yes = self.branch("BRANCH_LEQ", feature, below, no, yes, False)
        self.rows.append([feature, below if mode == "BRANCH_LT" else split, yes, no, missing])
        self.weights.append(np.zeros(self.targets, self.dtype))
        return len(self.rows) - 1

    @property
    def depth(self) -> int:
        """Steps from a root to the furthest leaf; children come before their parents."""
        depths: list[int] = []
        for place, (_, _, yes, no, _) in enumerate(self.rows):
            depths.append(0 if yes == place else 1 + max(depths[yes], depths[no]))
        return max(depths[root] for root in self.roots)


_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")


def forest_of(node: Node, dtype: np.dtype) -> Forest:
    """The trees of TreeEnsemble, whose nodes and leaves are numbered apart."""
    forest = Forest(node["n_targets"], dtype)
    members = node["membership_values"]
    members = iter([] if members is None else members.tolist())
    modes, splits = node["nodes_modes"].tolist(), node["nodes_splits"].tolist()
    sets = {i: _until_nan(members) for i, mode in enumerate(modes) if mode == 6}
    missing = node["nodes_missing_value_tracks_true"] or (0,) * len(modes)
    weights = node["leaf_weights"].tolist()

    def build(place: int, is_leaf: bool) -> int:
        if is_leaf:
            return forest.leaf([(node["leaf_targetids"][place], weights[place])])
        yes = build(node["nodes_truenodeids"][place], bool(node["nodes_trueleafs"][place]))
        no = build(node["nodes_falsenodeids"][place], bool(node["nodes_falseleafs"][place]))
        feature, tracks = node["nodes_featureids"][place], bool(missing[place])
        if modes[place] == 6:
            for member in sets[place]:
                no = forest.branch("BRANCH_EQ", feature, member, yes, no, tracks)
            return no
        return forest.branch(_MODES[modes[place]], feature, splits[place], yes, no, tracks)

    forest.roots = [build(root, False) for root in node["tree_roots"]]
    return forest


def _until_nan(members) -> list[float]:
    found = []
    for member in members:
        if np.isnan(member):
            break
        found.append(member)
    return found


def old_forest_of(node: Node, dtype: np.dtype, targets: int, prefix: str) -> Forest:
    """The trees of TreeEnsembleClassifier and -Regressor, whose nodes are known by (tree, node)."""
    forest = Forest(targets, np.dtype(np.float64 if dtype == np.float64 else np.float32))
    keys = list(zip(node["nodes_treeids"], node["nodes_nodeids"], strict=True))
    index = {key: place for place, key in enumerate(keys)}
    splits = node["nodes_values"] or node["nodes_values_as_tensor"].tolist()
    missing = node["nodes_missing_value_tracks_true"] or (0,) * len(keys)
    weights = node[f"{prefix}_weights"] or node[f"{prefix}_weights_as_tensor"].tolist()
    adds: dict[tuple, list] = {}
    for tree, leaf, target, weight in zip(
        node[f"{prefix}_treeids"], node[f"{prefix}_nodeids"], node[f"{prefix}_ids"], weights, strict=True
    ):
        adds.setdefault((tree, leaf), []).append((target, weight))

    def build(place: int) -> int:
        tree, mode = keys[place][0], node["nodes_modes"][place]
        if mode == "LEAF":
            return forest.leaf(adds.get(keys[place], []))
        yes = build(index[tree, node["nodes_truenodeids"][place]])
        no = build(index[tree, node["nodes_falsenodeids"][place]])
        return forest.branch(mode, node["nodes_featureids"][place], splits[place], yes, no, bool(missing[place]))

    firsts = dict(reversed([(tree, place) for place, (tree, _) in enumerate(keys)]))
    forest.roots = [build(firsts[tree]) for tree in dict.fromkeys(node["nodes_treeids"])]
    return forest
