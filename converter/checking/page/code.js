// The emitted code, each line with the error of the layers that it computes.

const TOKENS = /("""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(#[^\n]*)|\b(and|as|assert|break|class|continue|def|del|elif|else|except|False|finally|for|from|if|import|in|is|lambda|None|not|or|pass|raise|return|self|True|try|while|with|yield)\b|\b(\d[\w.]*)\b/g;
const KINDS = ["token-string", "token-comment", "token-keyword", "token-number"];

// The lines of Python code as lists of [kind, text].
function coloured(code) {
  const lines = [[]];
  const add = (kind, text) => text.split("\n").forEach((part, index) => {
    if (index) lines.push([]);
    if (part) lines[lines.length - 1].push([kind, part]);
  });
  let last = 0;
  for (const match of code.matchAll(TOKENS)) {
    add("", code.slice(last, match.index));
    add(KINDS[match.slice(1).findIndex((text) => text !== undefined)], match[0]);
    last = match.index + match[0].length;
  }
  add("", code.slice(last));
  if (!lines[lines.length - 1].length) lines.pop();
  return lines;
}

/** The other lines of a layer, with what is done there. */
function elsewhere(layer) {
  const lines = [["constructed", layer.constructor], ["computed", layer.within], ["called", layer.called]];
  return lines.filter(([, line]) => line && line !== layer.line);
}

function codeView(check, select) {
  const layers = check.layers, computed = new Map();
  layers.forEach((layer, index) => layer.line !== null && computed.set(layer.line, [...(computed.get(layer.line) || []), index]));
  let selected = null;
  const rows = coloured(check.code).map((parts, index) => {
    const number = index + 1, own = computed.get(number) || [];
    const worst = own.map((each) => layers[each]).reduce((a, b) => (a === null || (b.relative ?? -1) > (a.relative ?? -1) ? b : a), null);
    const text = parts.map(([kind, part]) => (kind ? html("span", { class: kind }, part) : part));
    const row = html("div", { class: `line${own.length ? " computes" : ""}${own.some((each) => check.blame?.layer === each) ? " blamed" : ""}`, "data-line": number },
      html("span", { class: "number" }, String(number)),
      html("span", { class: `error ${worst ? level(worst, check.allowance) : ""}` }, worst ? figure(worst.relative) : ""),
      html("code", {}, ...text));
    if (own.length) {
      row.title = own.length === 1 ? spoken(layers[own[0]]) : `${own.length} layers; a click shows one after the other`;
      row.addEventListener("click", () => select(own[(own.indexOf(selected) + 1) % own.length], "code"));
    }
    return row;
  });
  const pane = html("div", { class: "code-pane", tabindex: 0, role: "region", "aria-label": "Emitted code. Up and down go to the layer of the line above or below." }, ...rows);
  pane.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const lines = [...computed.keys()].sort((a, b) => a - b), current = selected === null ? null : layers[selected].line;
    const next = step > 0 ? lines.find((line) => current === null || line > current) : lines.findLast((line) => current !== null && line < current);
    event.preventDefault();
    if (next !== undefined) select(computed.get(next)[0], "keys");
  });
  return {
    element: html("section", { class: "code-section", "aria-label": "Emitted code" }, html("div", { class: "title" }, html("h3", {}, "Emitted code"), html("span", { class: "hint" }, "the error of the layers that a line computes, the largest of several")), pane),
    computed,
    show(index, origin) {
      selected = index;
      const layer = layers[index], others = elsewhere(layer).map(([, line]) => line);
      rows.forEach((row, place) => {
        row.classList.toggle("selected", place + 1 === layer.line);
        row.classList.toggle("related", others.includes(place + 1));
      });
      const row = rows[layer.line - 1];
      if (row && origin !== "code") pane.scrollTo({ top: row.offsetTop - pane.clientHeight / 2, left: 0 });
    },
  };
}
