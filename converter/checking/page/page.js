// The page: all checks, and one of them with its outputs, graph, plots, code and layers.

const data = JSON.parse(document.getElementById("data").textContent);
const STATUSES = ["equal", "not equal", "crashed", "refused", "not run"];

function badge(status) {
  const mark = { equal: "✓", "not equal": "≠", crashed: "!", refused: "–", "not run": "…" }[status] ?? "?";
  return html("span", { class: `badge ${status.replace(" ", "-")}` }, html("span", { "aria-hidden": "true" }, mark), ` ${status}`);
}

function table(headings, rows, attributes = {}) {
  const head = headings.map((text) => html("th", { scope: "col", class: text.startsWith(">") ? "right" : null }, text.replace(/^>/, "")));
  return html("div", { class: "scroll" }, html("table", attributes, html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...rows)));
}

const cell = (content, right = false) => html("td", { class: right ? "right" : null }, content);
const whole = (content) => html("td", { class: "whole" }, content);

function summary() {
  const counts = STATUSES.map((status) => [status, data.checks.filter((check) => check.status === status).length]).filter(([, count]) => count);
  const seconds = data.checks.reduce((sum, check) => sum + (check.seconds || 0), 0);
  const verdict = document.getElementById("verdict");
  verdict.append(...counts.map(([status, count]) => html("span", { class: `count ${status.replace(" ", "-")}` }, html("strong", {}, String(count)), ` ${status}`)));
  verdict.append(html("span", { class: "count" }, html("strong", {}, `${seconds.toFixed(1)} s`), ` in all, converter ${data.version}`));
  const rows = data.checks.map((check, index) => {
    const choose = html("button", { type: "button", class: "choose", onclick: () => open(index) }, check.path);
    const error = check.worst === null ? "" : `${figure(check.worst.relative)} of ${figure(check.worst.tolerance)} allowed`;
    const row = html("tr", { "data-check": index, onclick: (event) => event.target.closest("button") || open(index) },
      cell(badge(check.status)), cell(choose), cell(check.target), cell(check.resumed ? "as before" : check.seconds.toFixed(1), true), cell(meter(check)), cell(error));
    return row;
  });
  document.getElementById("summary").append(table(["", "check", "target", ">seconds", "worst error", "against its tolerance"], rows, { class: "checks" }));
}

// The worst error beside what is allowed, on a logarithmic scale from a millionth of it to a thousand times it.
function meter(check) {
  if (check.worst === null || !check.worst.tolerance) return "";
  const share = Math.min(1, Math.max(0.02, (Math.log10(check.worst.relative / check.worst.tolerance || 1e-9) + 6) / 9));
  return svg("svg", { class: "meter", width: 120, height: 10, role: "img", "aria-label": `${figure(check.worst.relative)} of ${figure(check.worst.tolerance)}` },
    svg("rect", { class: "ground", width: 120, height: 10, rx: 3 }),
    svg("rect", { class: check.status === "equal" ? "equal" : "not-equal", width: 120 * share, height: 10, rx: 3 }),
    svg("line", { class: "mark", x1: 80, x2: 80, y1: 0, y2: 10 }));
}

function open(index) {
  document.querySelectorAll("[data-check]").forEach((row) => {
    const own = Number(row.dataset.check) === index;
    row.classList.toggle("current", own);
    row.querySelector("button").setAttribute("aria-current", own ? "true" : "false");
  });
  const check = data.checks[index], place = document.getElementById("check");
  const views = [];
  let selected = null;
  const select = (layer, origin) => {
    selected = layer;
    views.forEach((view) => view.show(layer, origin));
    document.getElementById("announcement").textContent = spoken(check.layers[layer]);
  };
  const parts = [html("h2", {}, badge(check.status), " ", check.path, " ", html("span", { class: "target" }, [check.source, check.target && `in ${check.target}`].filter(Boolean).join(" "))), ...facts(check, select)];
  if (check.layers.length) {
    const code = codeView(check, select), graph = graphView(check, select), plot = plotView(check, select);
    const layer = layerView(check, select, code.computed), list = listView(check, select);
    views.push(graph, plot, code, layer, list);
    parts.push(plot.element, html("div", { class: "workbench" }, graph.element, html("div", { class: "side" }, layer.element, code.element)), list.element);
    place.replaceChildren(...parts);
    graph.start();
    if (check.blame) select(check.blame.layer, "start");
    return;
  }
  if (check.code) parts.push(codeView(check, select).element);
  place.replaceChildren(...parts);
}

function facts(check, select) {
  const found = [];
  for (const text of check.problems) found.push(html("pre", { class: "message" }, text));
  if (check.blame) found.push(blamed(check, select));
  for (const text of check.findings) found.push(html("p", { class: "finding" }, html("strong", {}, "Not equal: "), text));
  for (const text of check.warnings) found.push(html("p", { class: "warning" }, html("strong", {}, "Warning: "), text));
  if (check.outputs.length) {
    const rows = check.outputs.map((output) => html("tr", {}, cell(badge(output.ok ? "equal" : "not equal")),
      cell(output.probe ? `${output.name} (the source's own answer)` : output.name), cell(figure(output.absolute), true), cell(figure(output.relative), true),
      cell(output.tolerance), cell(output.top1, true), cell([output.problem || output.where, output.remark].filter(Boolean).join("; "))));
    found.push(table(["", "output", ">absolute error", ">relative error", "allowed", ">same top class", "where the error is largest"], rows));
    found.push(html("ul", { class: "reasons" }, ...check.tolerances.map(([name, size, reason]) => html("li", {}, html("strong", {}, name), `: ${size}; ${reason}`))));
  }
  if (check.cases.length) {
    const rows = check.cases.map((each) => html("tr", {}, cell(each.name), cell(each.shapes), cell(each.values)));
    const count = `${check.cases.length} case${check.cases.length === 1 ? "" : "s"} against ${check.judge}`;
    const versions = check.versions.map(([name, version]) => `${name} ${version}`).join(", ");
    found.push(html("details", {}, html("summary", {}, versions ? `${count}; ran with ${versions}` : count), table(["case", "inputs", "numbers"], rows)));
  }
  return found;
}

/** Whether there are two numbers to show: code that ended has none. */
const hasNumbers = (blame) => blame.expected !== "nan" || blame.found !== "nan";

function blamed(check, select) {
  const blame = check.blame, layer = check.layers[blame.layer];
  const between = blame.stage === "reading" ? "between the source file and the graph that was read from it" : "between the graph and the emitted code";
  const go = html("button", { type: "button", class: "link", onclick: () => select(blame.layer, "blame") }, layer.name || layer.op);
  return html("div", { class: "blame", role: "note" }, html("h3", {}, "First difference"),
    html("p", {}, go, ` (${layer.op})${layer.scope ? ` of module ${layer.scope}` : ""}, ${between}.`),
    layer.line === null ? null : html("p", {}, `Line ${layer.line}: `, html("code", {}, layer.code)),
    html("p", { class: "values" }, ...(hasNumbers(blame) ? [html("span", {}, "expected ", html("strong", {}, blame.expected)), html("span", {}, "found ", html("strong", {}, blame.found)), html("span", {}, `at [${blame.index.join(", ")}] of ${blame.case}`)] : []),
      Number.isFinite(layer.relative ?? Infinity) ? html("span", {}, `largest error ${figure(layer.absolute)}, relative ${figure(layer.relative)}`) : null),
    blame.cause ? html("p", {}, blame.cause) : null);
}

function layerView(check, select, computed) {
  const layers = check.layers, lines = check.code.split("\n").map((line) => line.trim()), content = html("div", { class: "card-content" });
  const readers = (index) => layers.map((layer, other) => (layer.inputs.includes(index) ? other : -1)).filter((other) => other >= 0);
  const links = (indices) => {
    const shown = indices.slice(0, 12).map((index) => html("button", { type: "button", class: "link", onclick: () => select(index, "card") }, shortened(layers[index].name || layers[index].op, 40)));
    return [...shown, indices.length > 12 ? html("span", {}, `and ${indices.length - 12} more`) : null];
  };
  const seen = layers.map((layer, index) => index).filter((index) => layers[index].relative !== null);
  const worst = seen.reduce((a, b) => (a === null || layers[b].relative > layers[a].relative ? b : a), null);
  content.append(html("p", { class: "hint" }, "Select a layer in the graph, a plot, the code or the table."),
    html("p", {}, `${layers.length} layers, ${seen.length} of them visible in the code.`),
    worst === null ? null : html("p", {}, "The largest error is that of ", ...links([worst]), `: ${figure(layers[worst].relative)}.`));
  const row = (name, ...value) => [html("dt", {}, name), html("dd", {}, ...value)];
  const error = (layer, key) => {
    if (layer[key] === null) return "";
    if (key === "absolute" || !check.allowance || !Number.isFinite(layer.relative)) return figure(layer[key]);
    const share = layer.relative / check.allowance;
    return `${figure(layer.relative)} (${share ? `${figure(share)} of the allowance ${figure(check.allowance)}` : "exactly equal"})`;
  };
  const found = (blame) => [
    ...(hasNumbers(blame) ? [...row("expected", html("strong", {}, blame.expected), ` at [${blame.index.join(", ")}] of ${blame.case}`), ...row("found", html("strong", {}, blame.found))] : []),
    ...(blame.cause ? row("cause", blame.cause) : []),
  ];
  return {
    element: html("section", { class: "card", "aria-label": "The selected layer" }, content),
    show(index) {
      const layer = layers[index], shared = layer.line === null ? [] : computed.get(layer.line).filter((other) => other !== index);
      const verdict = check.blame?.layer === index ? "the first to differ" : layer.verdict;
      const list = html("dl", {},
        ...row("operator", layer.op), ...(layer.scope ? row("module", layer.scope) : []),
        ...row("result", `${layer.value} ${layer.shape.length ? layer.shape.join(" × ") : "a single number"}`),
        ...(layer.line === null ? row("code", "not visible: it is part of another expression, or is not needed there") : row(`line ${layer.line}`, html("code", {}, layer.code))),
        ...elsewhere(layer).flatMap(([what, line]) => row(what, `in line ${line}: `, html("code", {}, lines[line - 1] ?? ""))),
        ...(layer.relative === null ? [] : [...row("absolute error", error(layer, "absolute")), ...row("relative error", error(layer, "relative"))]),
        ...(check.blame?.layer === index ? found(check.blame) : []),
        ...(layer.inputs.length ? row("reads", ...links(layer.inputs)) : []),
        ...(readers(index).length ? row("read by", ...links(readers(index))) : []),
        ...(shared.length ? row("same line", ...links(shared)) : []));
      const heading = html("h3", {}, html("span", { class: `swatch ${level(layer, check.allowance)}` }), layer.name || layer.op, html("span", { class: `word ${layer.verdict === "differs" ? "differs" : ""}` }, verdict));
      content.replaceChildren(heading, list);
    },
  };
}

function listView(check, select) {
  const layers = check.layers;
  const rows = layers.map((layer, index) => {
    const name = html("button", { type: "button", class: "link", onclick: () => select(index, "list") }, layer.name || layer.op);
    return html("tr", { "data-layer": index, class: layer.verdict === "differs" ? "differs" : null, onclick: (event) => event.target.closest("button") || select(index, "list") },
      cell(String(index + 1), true), cell(name), whole(layer.op), cell(layer.scope), whole(layer.shape.join(" × ")), cell(layer.line === null ? "" : String(layer.line), true),
      html("td", { class: "code" }, html("code", {}, layer.code)), cell(figure(layer.absolute), true),
      html("td", { class: "right" }, layer.relative === null ? "" : html("span", { class: `chip ${level(layer, check.allowance)}` }, figure(layer.relative))),
      whole(check.blame?.layer === index ? "first to differ" : layer.verdict));
  });
  const only = html("input", { type: "checkbox", onchange: filter }), text = html("input", { type: "search", placeholder: "name, operator, module, code", "aria-label": "Filter the layers", oninput: filter });
  const order = html("select", { "aria-label": "Order of the layers", onchange: sort }, html("option", { value: "depth" }, "in order of depth"), html("option", { value: "error" }, "largest error first"));
  const count = html("span", { class: "hint", role: "status" }, `${layers.length} layers`);
  const listing = table([">", "layer", "operator", "module", "shape", ">line", "model.py", ">absolute", ">relative", ""], rows, { class: "layers" });
  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    layers.forEach((layer, index) => {
      const all = `${layer.name} ${layer.op} ${layer.scope} ${layer.code}`.toLowerCase();
      const fits = words.every((word) => all.includes(word)) && (!only.checked || layer.verdict === "differs");
      rows[index].hidden = !fits;
      shown += fits;
    });
    count.textContent = shown === layers.length ? `${shown} layers` : `${shown} of ${layers.length} layers`;
  }
  function sort() {
    const by = order.value === "error" ? (a, b) => (layers[b].relative ?? -1) - (layers[a].relative ?? -1) || a - b : (a, b) => a - b;
    listing.querySelector("tbody").append(...layers.map((_, index) => index).sort(by).map((index) => rows[index]));
  }
  const bar = html("div", { class: "bar" }, count, text, order, layers.some((layer) => layer.verdict === "differs") ? html("label", {}, only, " only what differs") : null);
  return {
    element: html("section", { class: "list-section", "aria-label": "Layers" }, html("div", { class: "title" }, html("h3", {}, "Layers"), bar), listing),
    show(index, origin) {
      rows.forEach((row, place) => row.classList.toggle("selected", place === index));
      if (origin !== "list") {
        listing.scrollTo({ top: rows[index].offsetTop - listing.clientHeight / 2 });
      }
    },
  };
}

// Layers come as columns; infinite numbers as text.
for (const check of data.checks) {
  const columns = Object.keys(check.layers);
  const count = columns.length ? check.layers[columns[0]].length : 0;
  check.layers = Array.from({ length: count }, (_, index) => Object.fromEntries(columns.map((key) => [key, check.layers[key][index]])));
  const lines = check.code.split("\n");
  for (const layer of check.layers) {
    for (const key of ["absolute", "relative"]) layer[key] = layer[key] === null ? null : Number(layer[key]);
    if (layer.code === null) layer.code = (lines[layer.line - 1] ?? "").trim();
  }
  for (const output of check.outputs) for (const key of ["absolute", "relative"]) output[key] = Number(output[key]);
  if (check.worst) check.worst.relative = Number(check.worst.relative);
}

summary();
if (data.checks.length) open(Math.max(0, data.checks.findIndex((check) => check.status !== "equal")));
