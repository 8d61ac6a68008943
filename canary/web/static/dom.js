// Elements from data. Text is always set as text, so that nothing that came over the wire is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes; children are elements or texts, and null is passed over. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/** A number for people that keeps its exact value for machines. */
export function data(value, shown, attributes = {}) {
  return el("data", { value: value === null || value === undefined ? "" : value, ...attributes }, shown);
}

export const by = (id) => document.getElementById(id);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const last = new WeakMap();

/** Fill a node anew when what it shows has changed: focus, selection and screen readers keep their place. */
export function show(node, value, build) {
  const key = JSON.stringify(value);
  if (last.get(node) === key) return;
  last.set(node, key);
  node.replaceChildren(...[build(value)].flat(Infinity).filter(Boolean));
}

/** A table; the first cell of each row is its heading. */
export function table(caption, head, rows, foot = []) {
  const line = (cells, index) =>
    el("tr", {}, cells.map((cell, i) => (i === 0 ? el("th", { scope: "row" }, cell) : el("td", {}, cell))));
  return el(
    "table",
    { "aria-label": caption },
    head.some(Boolean) ? el("thead", {}, el("tr", {}, head.map((cell) => el("th", { scope: "col", class: cell === "new" && "is-new" }, cell)))) : null,
    el("tbody", {}, rows.map(line)),
    foot.length ? el("tfoot", {}, foot.map(line)) : null,
  );
}
