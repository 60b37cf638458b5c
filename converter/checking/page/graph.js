// The network as a graph: blocks by the source's modules, which open and close.

const NODE_HEIGHT = 36, HEADER = 24, PADDING = 10, AT_ONCE = 60;

// The layers as a tree of modules. A group is a run of layers, so that groups never read each other in a circle.
function grouped(layers) {
  const parts = layers.map((layer) => (layer.scope ? layer.scope.split(".") : []));
  const inside = (first, last, depth) => {
    const children = [];
    for (let start = first; start <= last; ) {
      const part = parts[start][depth];
      let end = start;
      while (part !== undefined && end < last && parts[end + 1][depth] === part) end++;
      children.push(end > start ? group(start, end, depth, part) : { layer: start, first: start, last: start, depth });
      start = end + 1;
    }
    return children;
  };
  const group = (first, last, depth, part) => {
    const name = /^\d+$/.test(part) && depth ? `${parts[first][depth - 1]}.${part}` : part;
    const children = inside(first, last, depth + 1);
    if (children.length === 1 && children[0].children) return { ...children[0], name: children[0].name.startsWith(`${part}.`) ? children[0].name : `${name}.${children[0].name}` };
    return { first, last, depth, name, id: `${first}-${last}`, children };
  };
  return { first: 0, last: layers.length - 1, depth: -1, name: "", id: "", children: inside(0, layers.length - 1, 0) };
}

function groupsOf(group) {
  return group.children.filter((child) => child.children).flatMap((child) => [child, ...groupsOf(child)]);
}

// What is seen with all groups closed, with those of the first level open, of the second ...
function levels(root) {
  const found = [root.children];
  while (found[found.length - 1].some((child) => child.children)) found.push(found[found.length - 1].flatMap((child) => child.children || [child]));
  return found;
}

// The groups that are open at first: as many levels as give a drawing that can be seen at once.
function openedAtFirst(root) {
  const shown = levels(root).filter((visible, depth) => !depth || visible.length <= AT_ONCE);
  return new Set(shown.slice(0, -1).flat().filter((child) => child.children).map((group) => group.id));
}

function shortened(text, length = 24) {
  return text.length <= length ? text : `${text.slice(0, length / 2 - 1)}…${text.slice(text.length - length / 2)}`;
}

const widthOf = (...texts) => Math.max(84, ...texts.map((text) => 20 + 6.7 * text.length));

function graphView(check, select) {
  const layers = check.layers, root = grouped(layers), all = groupsOf(root);
  const readers = layers.map(() => []);
  layers.forEach((layer, index) => layer.inputs.forEach((input) => readers[input].push(index)));
  const opened = openedAtFirst(root);
  let revealed = new Set(), selected = null, scale = 1, drawn = null;
  const canvas = svg("svg", { class: "graph" });
  const pane = html("div", { class: "graph-pane", tabindex: 0, role: "listbox", "aria-label": "Graph of the layers. Arrow keys follow the edges, Enter opens or closes a block, plus and minus zoom." }, canvas);
  const isOpen = (group) => opened.has(group.id) || revealed.has(group.id);

  function textsOf(child) {
    if (child.children) {
      const inner = layers.slice(child.first, child.last + 1);
      const worst = worstOf(inner);
      return [`▸ ${shortened(child.name)}`, `${inner.length} layers${worst ? ` · ${figure(worst.relative)}` : ""}`];
    }
    const layer = layers[child.layer];
    const own = layer.scope.split(".").slice(child.depth).join(".");
    const error = layer.relative === null ? "" : ` · ${figure(layer.relative)}`;
    return [shortened(own || layer.name.split("/").pop() || layer.op), `${shortened(layer.op)}${error}`];
  }

  function worstOf(inner) {
    const seen = inner.filter((layer) => layer.relative !== null);
    return seen.reduce((worst, layer) => (worst === null || layer.relative > worst.relative ? layer : worst), null);
  }

  // What a group holds, laid out: its size, the places of what comes in and goes out, and how to paint it.
  function arrange(group) {
    const shown = group.children.map((child) => {
      if (child.children && isOpen(child)) return { child, ...arrange(child) };
      const texts = textsOf(child);
      return { child, texts, width: widthOf(...texts), height: NODE_HEIGHT, into: new Map(), out: new Map() };
    });
    const owner = new Map(), edges = [], items = [], into = new Map(), out = new Map();
    const within = (index) => index >= group.first && index <= group.last;
    for (const { child } of shown) {
      for (let index = child.first; index <= child.last; index++) {
        for (const source of layers[index].inputs) if (!within(source)) into.set(source, 0);
        if (group !== root && readers[index].some((reader) => !within(reader))) out.set(index, 0);
      }
    }
    for (const source of into.keys()) {
      owner.set(source, items.length);
      items.push({ width: 1, height: 0, first: true });
    }
    for (const item of shown) {
      for (let index = item.child.first; index <= item.child.last; index++) owner.set(index, items.length);
      items.push(item);
    }
    shown.forEach((item, place) => {
      const to = into.size + place, sources = new Map();
      for (let index = item.child.first; index <= item.child.last; index++) {
        for (const source of layers[index].inputs) {
          if (source < item.child.first || source > item.child.last) sources.set(source, [...(sources.get(source) || []), index]);
        }
      }
      for (const [source, targets] of sources) {
        const from = owner.get(source), port = items[from].out?.get(source) ?? 0;
        edges.push({ from, to, source, targets, out: port, in: item.into.get(source) ?? 0 });
      }
    });
    for (const source of out.keys()) {
      const from = owner.get(source), targets = readers[source].filter((reader) => !within(reader));
      edges.push({ from, to: items.length, source, targets, out: items[from].out?.get(source) ?? 0, in: 0 });
      items.push({ width: 1, height: 0, last: true });
    }
    const drawing = layered(items, edges);
    [...into.keys()].forEach((source, place) => into.set(source, drawing.at[place].x - drawing.width / 2));
    [...out.keys()].forEach((source, place) => out.set(source, drawing.at[items.length - out.size + place].x - drawing.width / 2));
    if (group === root) return { width: drawing.width, height: drawing.height, items, edges, drawing, into, out };
    const width = Math.max(drawing.width + 2 * PADDING, widthOf(`▾ ${group.name}`));
    return { width, height: drawing.height + HEADER + PADDING, items, edges, drawing, into, out };
  }

  function line(points) {
    let path = `M${points[0].x} ${points[0].y}`;
    points.slice(1).forEach((point, index) => {
      const last = points[index], middle = (last.y + point.y) / 2;
      path += Math.abs(last.x - point.x) < 0.5 ? `L${point.x} ${point.y}` : `C${last.x} ${middle} ${point.x} ${middle} ${point.x} ${point.y}`;
    });
    return path;
  }

  function paintInside(arranged, x, y, into) {
    for (const [index, edge] of arranged.edges.entries()) {
      const points = arranged.drawing.ways[index].map((point) => ({ x: x + point.x, y: y + point.y }));
      const path = svg("path", { class: "edge", d: line(points) });
      drawn.edges.push({ path, source: edge.source, targets: edge.targets });
      into.append(path);
    }
    arranged.items.forEach((item, index) => {
      if (!item.child) return;
      const at = arranged.drawing.at[index];
      item.drawing ? paintOpen(item, x + at.x - item.width / 2, y + at.y, into) : paintNode(item, x + at.x - item.width / 2, y + at.y, into);
    });
  }

  function toggle(group) {
    const open = isOpen(group);
    if (open) groupsOf(group).concat(group).forEach(({ id }) => (opened.delete(id), revealed.delete(id)));
    else opened.add(group.id);
    draw();
    pane.focus({ preventScroll: true });
  }

  function paintOpen(item, x, y, into) {
    const group = item.child, middle = x + item.width / 2, bottom = y + item.height;
    const inner = svg("g");
    inner.append(svg("rect", { class: "frame", x, y, width: item.width, height: item.height, rx: 6 }));
    for (const [source, offset] of item.into) stub(source, middle + offset, y, y + HEADER, group, inner);
    for (const [source, offset] of item.out) stub(source, middle + offset, bottom - PADDING, bottom, group, inner);
    paintInside(item, middle - item.drawing.width / 2, y + HEADER, inner);
    const label = `▾ ${group.name}`;
    const head = svg("g", { class: "head", role: "button", "aria-label": `Close block ${group.name}`, onclick: () => toggle(group) });
    head.append(svg("rect", { x: x + 4, y: y + 3, width: 12 + 6.7 * label.length, height: 18, rx: 4 }), svg("text", { x: x + 10, y: y + 16 }, label));
    inner.append(head);
    into.append(inner);
  }

  function stub(source, x, from, to, group, into) {
    const path = svg("path", { class: "edge", d: `M${x} ${from}L${x} ${to}` });
    const inside = (index) => index >= group.first && index <= group.last;
    const targets = readers[source].filter((reader) => inside(source) !== inside(reader));
    drawn.edges.push({ path, source, targets });
    into.append(path);
  }

  function paintNode(item, x, y, into) {
    const { child, texts } = item, isGroup = Boolean(child.children);
    const worst = isGroup ? worstOf(layers.slice(child.first, child.last + 1)) : layers[child.layer];
    const differs = layers.slice(child.first, child.last + 1).some((layer) => layer.verdict === "differs");
    const blamed = check.blame && check.blame.layer >= child.first && check.blame.layer <= child.last;
    const shade = worst ? level(worst, check.allowance) : "unseen";
    const label = isGroup ? `Block ${child.name}, ${texts[1]}${differs ? ", differs" : ""}. Opens.` : spoken(worst);
    const node = svg("g", {
      id: `node-${child.first}-${child.last}`, class: `node ${shade}${isGroup ? " group" : ""}${differs ? " differs" : ""}${blamed ? " blamed" : ""}`,
      role: "option", "aria-selected": "false", "aria-label": label, "data-first": child.first,
      onclick: () => (isGroup ? toggle(child) : pick(child.layer)),
    });
    if (isGroup) node.append(svg("rect", { class: "behind", x: x + 4, y: y + 4, width: item.width, height: item.height, rx: 6 }));
    node.append(svg("rect", { x, y, width: item.width, height: item.height, rx: 6 }));
    node.append(svg("text", { class: "name", x: x + item.width / 2, y: y + 15 }, texts[0]));
    node.append(svg("text", { class: "what", x: x + item.width / 2, y: y + 29 }, texts[1]));
    if (blamed) node.append(svg("text", { class: "mark", x: x + item.width - 3, y: y + 4 }, "✖"));
    node.append(svg("title", {}, label));
    for (let index = child.first; index <= child.last; index++) drawn.nodes[index] = { node, x: x + item.width / 2, y: y + item.height / 2 };
    into.append(node);
  }

  function draw() {
    drawn = { nodes: [], edges: [] };
    const arranged = arrange(root), margin = 14;
    const content = svg("g");
    paintInside(arranged, margin, margin, content);
    drawn.width = arranged.width + 2 * margin;
    drawn.height = arranged.height + 2 * margin;
    canvas.setAttribute("viewBox", `0 0 ${drawn.width} ${drawn.height}`);
    canvas.replaceChildren(content);
    resize();
    mark();
  }

  function resize() {
    canvas.setAttribute("width", drawn.width * scale);
    canvas.setAttribute("height", drawn.height * scale);
  }

  function mark() {
    for (const node of new Set(drawn.nodes.map((place) => place?.node))) {
      node?.classList.remove("selected");
      node?.setAttribute("aria-selected", "false");
    }
    for (const edge of drawn.edges) {
      edge.path.classList.toggle("read", selected !== null && edge.targets.includes(selected));
      edge.path.classList.toggle("given", edge.source === selected);
    }
    const own = drawn.nodes[selected]?.node;
    if (!own) return;
    own.classList.add("selected");
    own.setAttribute("aria-selected", "true");
    pane.setAttribute("aria-activedescendant", own.id);
  }

  // A click in the graph keeps what is open; a choice elsewhere opens what hides the layer, until the next choice.
  function pick(index) {
    revealed.forEach((id) => opened.add(id));
    select(index, "graph");
  }

  function centre() {
    const place = drawn.nodes[selected];
    if (place) pane.scrollTo({ left: place.x * scale - pane.clientWidth / 2, top: place.y * scale - pane.clientHeight / 2 });
  }

  function zoom(factor, at = null) {
    const [x, y] = at || [pane.clientWidth / 2, pane.clientHeight / 2], old = scale;
    scale = Math.min(3, Math.max(0.05, scale * factor));
    const left = (pane.scrollLeft + x) * (scale / old) - x, top = (pane.scrollTop + y) * (scale / old) - y;
    resize();
    pane.scrollTo({ left, top });
  }

  function fit(whole) {
    const wide = (pane.clientWidth - 4) / drawn.width, high = (pane.clientHeight - 4) / drawn.height;
    scale = Math.min(1, whole ? Math.min(wide, high) : Math.max(wide, 0.6));
    resize();
    centre();
  }

  function beside(step) {
    const index = (selected ?? -1) + step;
    return index >= 0 && index < layers.length ? index : null;
  }

  pane.addEventListener("keydown", (event) => {
    const next = {
      ArrowUp: () => (selected === null ? 0 : layers[selected].inputs[0] ?? null),
      ArrowDown: () => (selected === null ? 0 : readers[selected][0] ?? null),
      ArrowLeft: () => beside(-1), ArrowRight: () => beside(1), Home: () => 0, End: () => layers.length - 1,
    }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (next) {
      const index = next();
      if (index !== null) select(index, "keys");
    } else if (event.key === "Enter" && selected !== null) {
      const around = all.filter((group) => group.first <= selected && group.last >= selected);
      const group = around.find((each) => !isOpen(each)) || around[around.length - 1];
      if (group) toggle(group);
    } else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit(false);
    else return;
    event.preventDefault();
  });
  pane.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = pane.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 300), [event.clientX - box.left, event.clientY - box.top]);
  }, { passive: false });
  let held = null;
  pane.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && !event.target.closest(".node, .head")) held = [event.clientX, event.clientY, pane.scrollLeft, pane.scrollTop];
  });
  addEventListener("pointermove", (event) => held && pane.scrollTo(held[2] + held[0] - event.clientX, held[3] + held[1] - event.clientY));
  addEventListener("pointerup", () => (held = null));

  const button = (text, label, act) => html("button", { type: "button", title: label, "aria-label": label, onclick: act }, text);
  const every = (ids) => () => (opened.clear(), revealed.clear(), ids.forEach((id) => opened.add(id)), draw(), fit(false));
  const bar = html("div", { class: "bar" },
    button("+", "Zoom in", () => zoom(1.25)), button("−", "Zoom out", () => zoom(0.8)),
    button("Width", "Fit the width", () => fit(false)), button("Whole", "Show the whole graph", () => fit(true)),
    all.length ? button("Open blocks", "Open all blocks", every(all.map((group) => group.id))) : null,
    all.length ? button("Close blocks", "Close all blocks", every([])) : null);

  draw();
  return {
    element: html("section", { class: "graph-section", "aria-label": "Graph" }, html("div", { class: "title" }, html("h3", {}, "Graph"), bar), pane, legend()),
    start: () => fit(false),
    show(index, origin) {
      selected = index;
      const around = all.filter((group) => group.first <= index && group.last >= index && !opened.has(group.id)).map((group) => group.id);
      const changed = around.length !== revealed.size || around.some((id) => !revealed.has(id));
      revealed = new Set(around);
      changed ? draw() : mark();
      if (origin !== "graph") centre();
    },
  };
}

function legend() {
  const steps = LEVELS.map((text, index) => html("span", { class: `step l${index}` }, text));
  return html("p", { class: "legend" }, html("span", {}, "Error:"), ...steps, html("span", { class: "step unseen" }, "not visible in the code"));
}
