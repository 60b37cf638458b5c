"""The kinds of faults: of each the first node, in the order of the graph, that has one, what its result became, and why."""
