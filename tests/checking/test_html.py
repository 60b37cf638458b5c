"""The page of ``converter check --html``, in a headless Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace
from itertools import combinations

import pytest

from converter.checking.html import html_page
from converter.checking.results import Result
from converter.verification.layers import Blame, Layer
from converter.verification.report import Case
from tests.checking.pages import of_graph, report, residual
from tests.emitted import read
from tests.topologies import seeded

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--window-size=1440,900"]
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}} @data@ ${alert(1)}",
    "<!--<script>",
    "__proto__",
    "\u2028\u202e&lt;b&gt;\"'`",
]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    browser, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if browser is None or driver is None:
        pytest.skip("Debian's chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    running.get("about:blank")
    yield running
    running.quit()


@pytest.fixture
def page(chromium, tmp_path):
    """Opens the page of some results; at the end nothing was complained of and nothing was asked of the network."""
    path = tmp_path / "page.html"

    def open_page(*results):
        path.write_text(html_page(results), encoding="utf-8")
        chromium.get(path.as_uri())
        return Page(chromium)

    for log in ("browser", "performance"):
        chromium.get_log(log)
    yield open_page
    assert [entry["message"] for entry in chromium.get_log("browser")] == []
    messages = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    requests = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert requests == {path.as_uri()}


class Page:
    def __init__(self, chromium):
        self.run = chromium.execute_script
        self.find = lambda selector: chromium.find_element("css selector", selector)
        self.all = lambda selector: chromium.find_elements("css selector", selector)
        self.devtools = chromium.execute_cdp_cmd

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).innerText", selector)

    def node(self, layer):
        """The drawn node of a layer, or the closed block around it."""
        return next(node for node in self.all(".graph .node") if contains(node.get_attribute("id"), layer))

    def selected(self):
        """What is selected in the card, the graph, the code, the list and the plots."""
        return self.run(
            """const one = (selector, give) => { const found = document.querySelector(selector); return found && give(found); };
            return [one(".card h3", (node) => node.childNodes[1].textContent),
                    one(".graph .node.selected", (node) => node.id),
                    one(".line.selected", (line) => Number(line.dataset.line)),
                    one(".layers tr.selected", (row) => Number(row.dataset.layer)),
                    one(".dot.selected", (dot) => Number(dot.dataset.layer))]"""
        )


def contains(name: str, layer: int) -> bool:
    first, last = map(int, name.split("-")[1:])
    return first <= layer <= last


def test_a_click_selects_a_layer_everywhere_and_shows_its_numbers(page):
    shown = page(residual())
    everywhere = ["layer1.0_conv2", "node-3-3", 5, 3, 3]
    shown.node(3).click()
    assert shown.selected() == everywhere
    card = shown.text(".card")
    for text in [
        "Conv",
        "layer1.0.conv2",
        "v3 1 × 4 × 8 × 8",
        "line 5",
        "x3 = layer3(x)",
        "6e-7",
        "2e-7",
        "equal",
        "allowance",
    ]:
        assert text in card
    others = {
        ".layers tr[data-layer='5'] button": 5,
        ".line[data-line='8']": 6,
        ".card dd button": 5,  # what the layer of line 8 reads
    }
    for selector, layer in others.items():
        shown.find(selector).click()
        assert shown.selected()[1:] == [f"node-{layer}-{layer}", layer + 2, layer, layer]
    shown.run(
        """const dot = document.querySelector(".dot[data-layer='3']").getBoundingClientRect();
        document.querySelector(".plot").dispatchEvent(new MouseEvent("click", {clientX: dot.x + 4, clientY: dot.y}))"""
    )
    assert shown.selected() == everywhere


def test_the_other_lines_of_a_layer_are_told_and_marked(page):
    result = residual()
    layer = result.report.layers[3]
    layer.constructor, layer.within, layer.called = layer.line, 8, 9
    shown = page(result)
    shown.node(3).click()
    card = " ".join(shown.text(".card").split())
    assert "computed in line 8: x6 = layer6(x)" in card and "called in line 9: x7 = layer7(x)" in card
    assert "constructed" not in card, "it is where it is computed"
    assert [line.get_attribute("data-line") for line in shown.all(".line.related")] == ["8", "9"]


def test_what_is_not_visible_in_the_code_is_said_to_be(page):
    shown = page(residual())
    shown.node(2).click()
    assert shown.selected() == ["layer1.0_relu", "node-2-2", None, 2, None]
    assert "not visible" in shown.text(".card") and "allowance" not in shown.text(".card")


def test_the_keyboard_goes_along_the_edges(page):
    shown = page(residual())
    graph = shown.find(".graph-pane")
    steps = [
        ("\ue015", 0),
        ("\ue015", 1),
        ("\ue015", 2),
        ("\ue013", 1),
        ("\ue014", 2),
        ("\ue010", 9),
        ("\ue013", 8),
        ("\ue011", 0),
    ]
    for key, layer in steps:
        graph.send_keys(key)
        assert shown.selected()[3] == layer
    assert shown.text("#announcement") == "conv1, Conv, relative error 2e-7, equal"
    assert graph.get_attribute("aria-activedescendant") == "node-0-0"
    plot = shown.find(".plot-pane")
    plot.send_keys("\ue014")
    assert shown.selected()[3] == 1 and plot.get_attribute("aria-valuetext").startswith("layer1.0_conv1")
    shown.find(".code-pane").send_keys("\ue015")
    assert shown.selected()[2:4] == [5, 3]  # layer 2 has no line


def test_blocks_close_and_open(page):
    shown = page(residual())
    assert len(shown.all(".graph .node")) == 10 and len(shown.all(".graph .frame")) == 3
    next(button for button in shown.all(".bar button") if button.text == "Close blocks").click()
    assert [node.get_attribute("id") for node in shown.all(".graph .node")] == ["node-0-0", "node-1-8", "node-9-9"]
    assert "8 layers" in shown.run("return document.getElementById('node-1-8').textContent")
    shown.node(5).click()
    assert len(shown.all(".graph .node")) == 4
    shown.find(".layers tr[data-layer='7'] button").click()
    assert shown.selected()[1] == "node-7-7", "a layer that is chosen elsewhere comes out of its block"
    shown.find(".graph-pane").send_keys("\ue007")
    assert contains(shown.selected()[1], 7) and shown.selected()[1] != "node-7-7", "Enter closes the block"


def test_the_layer_to_blame_is_shown_first(page):
    shown = page(residual(), residual(differs_from=4))
    assert "not equal" in shown.text("#check h2"), "of several checks the first that is not equal is open"
    assert shown.selected() == ["layer1.0_add", "node-4-4", 6, 4, 4]
    for place in (".blame", ".card"):
        for text in ["1.25", "-0.5", "0, 3, 7, 5", "as if the padding were 2 instead of 1"]:
            assert text in shown.text(place)
    assert "the first to differ" in shown.text(".card")
    assert "Line 6: x4 = layer4(x)" in shown.text(".blame") and "largest error 0.75, relative 0.25" in shown.text(".blame")
    colours = [shown.node(layer).get_attribute("class").split() for layer in (3, 4, 8)]
    assert colours[:2] == [["node", "l2"], ["node", "l6", "differs", "blamed", "selected"]] and "l6" in colours[2]
    shown.find(".list-section label input").click()
    assert len([row for row in shown.all(".layers tbody tr") if row.is_displayed()]) == 6
    shown.find("#summary tbody tr button").click()
    assert "not equal" not in shown.text("#check h2") and not shown.all(".blame")


def test_code_that_ended_has_no_numbers_to_show(page):
    result = residual(differs_from=4)
    blame, layer = result.report.blame, result.report.layers[4]
    blame.expected = blame.found = float("nan")
    layer.absolute = layer.relative = float("inf")
    shown = page(result)
    for place in (".blame", ".card"):
        assert "nan" not in shown.text(place) and "expected" not in shown.text(place)
    assert "nan" not in shown.text(".blame").lower() and "as if the padding" in shown.text(".blame")


def test_every_status_is_told_with_its_reasons(page):
    refused = Result("specs/old.toml", "old.mat", "keras", "refused", 0.2, None, ["layer 'lrn': too old\n  - second reason"])
    crashed = Result("specs/big.toml", "big.onnx", "pytorch", "crashed", 90.0, None, ["killed by signal 9"])
    shown = page(residual(), refused, crashed, Result("folder", "", "", "not run"), replace(residual(), resumed=True))
    assert shown.text("#verdict").startswith("2 equal")
    for text in ["1 crashed", "1 refused", "1 not run", "2e-7 of 1e-5 allowed", "as before"]:
        assert text in shown.text("header") + shown.text("#summary")
    assert "layer 'lrn': too old\n  - second reason" in shown.text("#check")
    shown.all("#summary tbody button")[2].click()
    assert "killed by signal 9" in shown.text("#check")


def test_nothing_from_a_file_becomes_markup(page):
    text = " ".join(HOSTILE)
    layers = [Layer(name, name, f"{name}.0", [], name, (1,), 1, name, 0.5, 0.5, "differs") for name in HOSTILE]
    layers += [replace(layer, inputs=[index]) for index, layer in enumerate(layers)]
    shape = {text: (1, 2)}
    full = report(layers, Blame(0, "reading", float("nan"), float("inf"), (0,), text, text), text)
    full.findings, full.warnings, full.versions, full.judge = [text], [text], {text: text}, text
    full.cases = [Case(text, shape, text)]
    full.outputs[text].problem = text
    result = Result(text, text, text, "not equal", 0.0, full, [text], f"# {text}\n'{text}'")
    shown = page(result)
    shown.find("details summary").click()
    assert shown.run("return [document.scripts.length, document.images.length, document.body.children.length]") == [2, 0, 7]
    assert shown.run("return document.querySelectorAll('b, iframe, object, embed, link, [onerror], [style]').length") == 0
    for hostile in HOSTILE[:4]:
        assert (
            hostile in shown.text("#check .finding")
            and hostile in shown.text(".layers")
            and hostile in shown.text(".code-pane")
        )
    for layer in range(len(layers)):
        shown.find(f".layers tr[data-layer='{layer}'] button").click()
        assert shown.selected()[0] == layers[layer].name


def test_the_script_and_the_style_are_those_that_the_policy_allows():
    page = html_page([residual()])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy
    for kind, pattern in {"script": r"<script>(.*?)</script>", "style": r"<style>(.*?)</style>"}.items():
        found = re.findall(pattern, page, re.DOTALL)
        assert len(found) == 1
        digest = base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_the_policy_holds_back_what_would_leave_the_page(chromium, page):
    shown = page(residual())
    blocked = shown.run(
        """return new Promise((resolve) => {
            const found = [];
            document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
            for (const [tag, address] of [["img", "http://127.0.0.1:9/a"], ["iframe", "http://127.0.0.1:9/b"]]) {
                const node = document.createElement(tag);
                node.src = address;
                document.body.append(node);
            }
            fetch("http://127.0.0.1:9/c").catch(() => setTimeout(() => resolve(found.sort()), 50));
        })"""
    )
    assert blocked == ["connect-src", "frame-src", "img-src"]
    assert len(chromium.get_log("browser")) >= 3  # the complaints about just that
    messages = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    sent = [m for m in messages if m["method"] == "Network.requestWillBeSent" and "127.0.0.1" in m["params"]["request"]["url"]]
    failed = {m["params"]["requestId"] for m in messages if m["method"] == "Network.loadingFailed"}
    assert all(message["params"]["requestId"] in failed for message in sent)
    page(residual())


@pytest.fixture(scope="module")
def resnet50():
    return of_graph(read(seeded("resnet50", 0)))


def test_resnet50_is_drawn_whole_and_its_page_is_small(page, resnet50):
    assert len(html_page([resnet50]).encode()) < 2_000_000
    shown = page(resnet50)
    boxes = shown.run(
        """[...document.querySelectorAll(".bar button")].find((button) => button.textContent === "Open blocks")?.click();
        const box = (node) => { const r = node.querySelector("rect:last-of-type");
            return [...["x", "y", "width", "height"].map((name) => Number(r.getAttribute(name))), node.id]; };
        return [...document.querySelectorAll(".graph .node")].map(box)"""
    )
    layers = resnet50.report.layers
    places = {int(name.split("-")[1]): (x, y, x + width, y + height) for x, y, width, height, name in boxes}
    assert sorted(places) == list(range(len(layers)))
    for a, b in combinations(places.values(), 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], "two nodes lie on each other"
    for index, layer in enumerate(layers):
        assert all(places[source][3] < places[index][1] for source in layer.inputs), "an edge goes up"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_both_schemes(page, scheme):
    result = residual(differs_from=4)
    for power, layer in enumerate(result.report.layers):
        layer.relative = 10.0 ** (power - 9)
    shown = page(result)
    shown.devtools("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    contrasts = shown.run(
        """const channel = (value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
            return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
        const ratio = (a, b) => { const [dark, bright] = [light(a), light(b)].sort((x, y) => x - y);
            return (bright + 0.05) / (dark + 0.05); };
        const style = (selector, name, inside = document) => getComputedStyle(inside.querySelector(selector))[name];
        const body = style("body", "backgroundColor");
        return [ratio(style("body", "color"), body), ratio(style(".hint", "color"), body),
                ratio(style(".badge", "color"), body), ratio(style(".link", "color"), style(".blame", "backgroundColor")),
                ...[...document.querySelectorAll(".graph .node:not(.unseen)")].map((node) =>
                    ratio(style(".name", "fill", node), style("rect:last-of-type", "fill", node)))]"""
    )
    shown.devtools("Emulation.setEmulatedMedia", {"features": []})
    assert min(contrasts) >= 4.5 and len(contrasts) > 10


def test_printed_nothing_is_cut_off(page):
    shown = page(residual(differs_from=4))
    shown.devtools("Emulation.setEmulatedMedia", {"media": "print"})
    cut = shown.run(
        """return [".code-pane", ".graph-pane", ".list-section .scroll", ".card"].filter((selector) => {
            const pane = document.querySelector(selector);
            return pane.scrollHeight > pane.clientHeight + 2 || pane.scrollWidth > pane.clientWidth + 2;
        })"""
    )
    shown.devtools("Emulation.setEmulatedMedia", {"media": ""})
    assert cut == []
