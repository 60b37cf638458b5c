// The error of each layer over depth, on a logarithmic scale.

function plotView(check, select) {
  const layers = check.layers, views = [one("relative", "Relative error", 190), one("absolute", "Absolute error", 120)];
  let selected = null;

  function one(key, title, height) {
    const canvas = svg("svg", { class: "plot", height, role: "img", "aria-label": `${title} of each layer over depth` });
    return { key, title, height, canvas };
  }

  // The blocks of the first level that tells several apart.
  function bands() {
    const each = levels(grouped(layers)).map((visible) => visible.filter((child) => child.children)).filter((groups) => groups.length && groups.length <= 24);
    return each.find((groups) => groups.length > 4) ?? each[each.length - 1] ?? [];
  }

  function draw(view, width) {
    const { canvas, key, title, height } = view, left = 52, right = 12, top = 34, bottom = 22;
    const seen = layers.map((layer, index) => ({ index, error: layer[key], layer })).filter((point) => point.error !== null);
    const finite = seen.map((point) => point.error).filter((error) => error > 0 && Number.isFinite(error));
    const line = key === "relative" && check.allowance > 0 ? check.allowance : null;
    const bounds = [...finite, ...(line ? [line] : [])].map(Math.log10);
    const low = Math.floor(Math.min(-9, ...bounds.slice(0, 1), ...bounds)), high = Math.ceil(Math.max(low + 1, ...bounds) + 0.05);
    const x = (index) => left + ((index + 0.5) / Math.max(1, layers.length)) * (width - left - right);
    const y = (error) => {
      if (!Number.isFinite(error)) return top - 8;
      if (error === 0) return height - bottom;
      return top + ((high - Math.log10(error)) / (high - low)) * (height - bottom - 10 - top);
    };
    const content = [];
    bands().forEach((band, index) => {
      const from = x(band.first - 0.5), wide = x(band.last + 0.5) - from;
      content.push(svg("rect", { class: index % 2 ? "band odd" : "band", x: from, y: top - 14, width: wide, height: height - bottom - top + 14 }));
      const text = shortened(band.name, 2 * Math.floor(wide / 13));
      if (wide > 30) content.push(svg("text", { class: "band-name", x: from + wide / 2, y: height - 7 }, text));
    });
    const every = Math.ceil((high - low) / ((height - top - bottom) / 22));
    for (let power = high; power >= low; power -= every) {
      content.push(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(10 ** power), y2: y(10 ** power) }));
      content.push(svg("text", { class: "tick", x: left - 6, y: y(10 ** power) + 4 }, `1e${power}`));
    }
    content.push(svg("text", { class: "tick", x: left - 6, y: height - bottom + 4 }, "0"));
    content.push(svg("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }));
    if (line) content.push(svg("line", { class: "allowance", x1: left, x2: width - right, y1: y(line), y2: y(line) }));
    content.push(svg("path", { class: "trace", d: seen.map((point, index) => `${index ? "L" : "M"}${x(point.index).toFixed(1)} ${y(point.error).toFixed(1)}`).join("") }));
    for (const point of seen) {
      const blamed = check.blame && check.blame.layer === point.index;
      const dot = { class: `dot ${level(point.layer, check.allowance)}${point.layer.verdict === "differs" ? " differs" : ""}`, cx: x(point.index), cy: y(point.error), r: blamed ? 5.5 : layers.length > 250 ? 2.4 : 3.2 };
      content.push(svg("circle", { ...dot, "data-layer": point.index }, svg("title", {}, spoken(point.layer))));
    }
    view.cursor = svg("line", { class: "cursor", y1: top - 14, y2: height - bottom });
    content.push(view.cursor, svg("text", { class: "plot-name", x: left + 6, y: 14 }, title));
    if (line) content.push(svg("text", { class: "allowance-name", x: width - right - 4, y: y(line) - 7 }, `allowance ${figure(line)}`));
    canvas.setAttribute("width", width);
    canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    canvas.replaceChildren(...content);
    view.x = x;
    view.nearest = (at) => {
      const distance = (point) => Math.abs(x(point.index) - at);
      return seen.reduce((best, point) => (best === null || distance(point) < distance(best) ? point : best), null)?.index ?? null;
    };
  }

  function mark() {
    for (const view of views) {
      const place = selected === null ? null : view.x(selected);
      view.cursor.setAttribute("visibility", place === null ? "hidden" : "visible");
      for (const end of ["x1", "x2"]) view.cursor.setAttribute(end, place ?? 0);
      for (const dot of view.canvas.querySelectorAll(".dot")) dot.classList.toggle("selected", dot.dataset.layer === String(selected));
    }
    pane.setAttribute("aria-valuenow", selected ?? 0);
    pane.setAttribute("aria-valuetext", selected === null ? "no layer is selected" : spoken(layers[selected]));
  }

  const pane = html("div", { class: "plot-pane", tabindex: 0, role: "slider", "aria-label": "Error over depth. The arrow keys go from layer to layer.", "aria-valuemin": 0, "aria-valuemax": Math.max(0, layers.length - 1) }, ...views.map((view) => view.canvas));
  for (const view of views) {
    view.canvas.addEventListener("click", (event) => {
      const index = view.nearest(event.clientX - view.canvas.getBoundingClientRect().left);
      if (index !== null) select(index, "plot");
    });
  }
  pane.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const wanted = (selected ?? -1) + steps[event.key];
    select(Math.min(layers.length - 1, Math.max(0, wanted)), "plot");
  });
  function drawAll() {
    const width = Math.max(320, pane.clientWidth || 1000);
    views.forEach((view) => draw(view, width));
    mark();
  }
  new ResizeObserver(drawAll).observe(pane);
  drawAll();
  return {
    element: html("section", { class: "plot-section", "aria-label": "Error over depth" }, html("div", { class: "title" }, html("h3", {}, "Error over depth"), html("span", { class: "hint" }, "each dot is a layer; a click selects it")), pane),
    show(index) {
      selected = index;
      mark();
    },
  };
}
