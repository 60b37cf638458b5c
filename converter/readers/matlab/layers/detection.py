"""The layers of a YOLO v2 detector that are part of its network; boxes are worked out from its output, outside of it."""

from __future__ import annotations

from converter.graph import Value
from converter.readers.matlab.layers.registry import layer
from converter.readers.matlab.properties import Properties
from converter.readers.matlab.site import Site


def _anchors(p: Properties) -> int:
    """How many boxes each cell predicts; some releases keep the boxes, [height width] in each row, in place of their number."""
    return p.integer("NumAnchorBoxes") if "NumAnchorBoxes" in p else p.array("AnchorBoxes").shape[0]


@layer("YOLOv2TransformLayer", "YOLO v2 Transform Layer", lambda p: f"YOLO v2 Transform Layer with {_anchors(p)} anchors")
def yolov2_transform(n: Site) -> Value:
    """What the network says of each anchor, within its bounds, as in "YOLO9000": the sigmoid of the overlap and of x and y,
    the exponential of width and height, the softmax over the classes.

    The channels are those of MathWorks' example "Import Pretrained ONNX YOLO v2 Object Detector", which rearranges them for
    this layer: the overlap for each anchor, then x, y, width, height, then each class. The page names no other order for what
    comes out.
    """
    anchors, (channels, height, width) = _anchors(n.properties), n.image()
    classes = channels // anchors - 5
    if channels % anchors or classes < 1:
        n.fail(f"has {anchors} anchors, each with 5 numbers and at least one class, but {channels} channels arrive.")
    n.note(
        f"its {channels} channels are taken, before and after it, as the overlap for each of the {anchors} anchors, "
        "then x, y, width, height, then each class."
    )
    counts = n.integers([3 * anchors, 2 * anchors, classes * anchors], "counts")
    inside, size, score = n.add_all("Split", [n.x, counts], {"axis": 1}, [True] * 3, part="of")
    grouped = n.add("Reshape", [score, n.integers([0, classes, anchors, height * width], "by_anchor")], part="by_anchor")
    likely = n.add("Softmax", [grouped], {"axis": 1}, part="class")
    parts = [
        n.add("Sigmoid", [inside], part="place"),
        n.add("Exp", [size], part="extent"),
        n.add("Reshape", [likely, n.integers([0, classes * anchors, height, width], "shape")], part="classes"),
    ]
    return n.add("Concat", parts, {"axis": 1})
