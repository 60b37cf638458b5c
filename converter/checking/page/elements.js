// Elements and numbers. Whatever comes from a file is set as text or as the value of a fixed attribute, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const html = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function figure(number) {
  if (number === null || number === undefined) return "";
  if (!Number.isFinite(number)) return "∞";
  if (number === 0) return "0";
  const [digits, power] = number.toExponential(1).split("e");
  return number >= 0.01 && number < 1000 ? String(Number(number.toPrecision(2))) : `${digits.replace(".0", "")}e${Number(power)}`;
}

const LEVELS = ["≤ 1/1000 of the allowance", "≤ 1/100", "≤ 1/10", "about the allowance", "differs, ≤ 10 times", "≤ 100 times", "more"];

// How large an error is, as one of LEVELS: "l0" to "l6"; "unseen" where there is none. A layer that is equal may be a little
// beyond what the outputs are allowed: rounding grows and shrinks on the way.
function level(layer, allowance) {
  if (layer.relative === null) return "unseen";
  if (layer.relative === 0) return "l0";
  const decades = Math.ceil(Math.log10(layer.relative / (allowance || 1e-12)));
  const differs = layer.verdict === "differs";
  return `l${Math.min(differs ? 6 : 3, Math.max(differs ? 4 : 0, decades + 3))}`;
}

function spoken(layer) {
  const error = layer.relative === null ? "not visible in the code" : `relative error ${figure(layer.relative)}, ${layer.verdict}`;
  return `${layer.name}, ${layer.op}, ${error}`;
}
