// One row per gate: what it says, both arms with the interval of their difference, and the evidence over time.

import { evidence } from "./charts.js";
import { data, el, show, svg } from "./dom.js";
import { UNITS, odds } from "./format.js";

const WORDS = {
  pass: ["✓", "as good as old"],
  harm: ["✕", "harm"],
  undecided: ["…", "not decided yet"],
  no_data: ["–", "no data yet"],
};

/** Fill the list. `series` gives a gate's evidence over time, `entered` the times of stage changes. */
export function gates(list, board, series, entered) {
  const names = Object.keys(board.status.metrics);
  if (list.dataset.names !== names.join()) {
    list.dataset.names = names.join();
    list.replaceChildren(...(names.length ? names.map(blank) : [el("p", { class: "none" }, "Nothing has been judged yet.")]));
  }
  for (const name of names) {
    const row = list.querySelector(`[data-gate="${CSS.escape(name)}"]`);
    fill(row, board.gates[name], board.status.metrics[name]);
    draw(row, series(name), board.status.metrics[name], entered);
  }
}

function blank(name) {
  return el(
    "article",
    { class: "gate", "data-gate": name },
    el("div", { class: "says" }),
    el("div", { class: "compared" }),
    el("div", { class: "chart", role: "img", hidden: true }),
  );
}

function fill(row, gate, metric) {
  const unit = UNITS[gate.unit];
  row.classList.toggle("plain", !metric.evidence);
  show(row.querySelector(".says"), [gate, metric.verdict, metric.enforced], () => says(gate, metric));
  show(row.querySelector(".compared"), [gate, metric], () => (metric.old ? compared(gate, metric, unit) : counted(metric, unit)));
}

function says(gate, metric) {
  const [mark, words] = WORDS[metric.verdict] || ["", metric.verdict];
  const guard = metric.evidence && metric.evidence.promote_at === null ? "guard: it can only roll back" : null;
  return [
    el("h3", {}, gate.title),
    el("p", { class: "verdict", "data-verdict": metric.verdict }, el("span", { "aria-hidden": "true" }, mark), words),
    guard || !metric.enforced ? el("p", { class: "note" }, metric.enforced ? guard : "reported, not enforced") : null,
  ];
}

function compared(gate, metric, unit) {
  const side = (arm) =>
    el("p", { class: `of-${arm}` }, el("span", { class: "arm" }, arm),
      data(metric[arm].value, unit.value(metric[arm].value), { class: "value", "data-arm": arm }),
      el("span", { class: "n" }, "n ", data(metric[arm].n, metric[arm].n.toLocaleString("en"))));
  return [
    el("div", { class: "values" }, side("old"), side("new")),
    metric.difference === null ? null : rail(gate, metric),
    el("p", { class: "note" }, difference(metric, unit)),
  ];
}

function difference(metric, unit) {
  if (metric.difference === null) return `margin ${unit.margin(metric.margin)}`;
  const interval = metric.interval?.every((end) => end !== null)
    ? ` (95%: ${metric.interval.map(unit.difference).join(" to ")})`
    : "";
  return [data(metric.difference, unit.difference(metric.difference)), `${interval}, margin ${unit.margin(metric.margin)}`];
}

function counted(metric, unit) {
  return el("p", { class: "values" },
    data(metric.new.value, unit.value(metric.new.value), { class: "value" }),
    el("span", { class: "note" }, `found in ${unit.value(metric.new.n)} looked at, ${unit.margin(metric.margin)} allowed`));
}

/** The difference with its interval, on a line whose shaded part is within the margin. Right is better for new. */
function rail(gate, { difference, interval, margin }) {
  const scale = gate.factor ? Math.log : (value) => value;
  const higherIsWorse = gate.factor || gate.title === "refund ratio";
  const sign = higherIsWorse ? -1 : 1;
  const place = (value) => sign * scale(value);
  const allowed = Math.abs(scale(margin)) || 0.01;
  const ends = (interval || []).filter((end) => end !== null && (!gate.factor || end > 0)).map(place);
  const reach = Math.max(allowed * 1.6, Math.min(allowed * 6, 1.15 * Math.max(...ends.map(Math.abs), Math.abs(place(difference)))));
  const x = (at) => 50 + 48 * Math.max(-1, Math.min(1, at / reach));
  const line = (kind, from, to, top, bottom) => svg("line", { class: kind, x1: `${from}%`, x2: `${to}%`, y1: top, y2: bottom });
  return svg(
    "svg",
    { class: "rail", role: "img", "aria-label": "Difference with its interval; the right is better for new" },
    svg("rect", { class: "allowed", x: `${x(-allowed)}%`, width: `${98 - x(-allowed)}%`, y: 8, height: 12, rx: 2 }),
    line("axis", 2, 98, 14, 14),
    line("zero", 50, 50, 6, 22),
    line("margin", x(-allowed), x(-allowed), 4, 24),
    ends.length === 2 ? line("interval", x(Math.min(...ends)), x(Math.max(...ends)), 14, 14) : null,
    svg("circle", { class: "point", cx: `${x(place(difference))}%`, cy: 14, r: 5 }),
  );
}

const drawn = new WeakMap();

function draw(row, series, { evidence: needed, old, new: fresh }, entered) {
  const chart = row.querySelector(".chart");
  chart.hidden = !needed || !series || !(old.n + fresh.n);
  if (chart.hidden) return;
  const key = `${series.at.length} ${series.at.at(-1)} ${document.documentElement.dataset.theme}`;
  if (drawn.get(chart) === key) return;
  drawn.set(chart, key);
  chart.setAttribute("aria-label", told(needed));
  evidence(chart, series, needed, entered);
}

function told(needed) {
  const harm = `Evidence of harm ${odds(needed.rollback)} of ${odds(needed.rollback_at)}`;
  return needed.promote_at === null ? harm : `${harm}; evidence that new is good enough ${odds(needed.promote)} of ${odds(needed.promote_at)}`;
}
