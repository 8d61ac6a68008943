// Leases, money, latency, shadow, hazards and the log of decisions.

import { latency } from "./charts.js";
import { data, el, show, svg, table } from "./dom.js";
import { count, duration, moment, money, percent, seconds, weight } from "./format.js";

const ENDS = ["succeeded", "open", "refunded", "expired", "abandoned"];
const ARMS = ["old", "new"];
const total = (counts) => Object.values(counts).reduce((sum, n) => sum + n, 0);

export function leases(node, board) {
  show(node, board.leases, (found) => [
    el("div", { class: "bars" }, ARMS.map((arm) => stack(arm, found[arm]))),
    table(
      "Leases per arm and outcome",
      ["outcome", "old", "new"],
      ENDS.map((end) => [
        [el("span", { class: `swatch fill-${end}`, "aria-hidden": "true" }), end],
        ...ARMS.map((arm) => share(found[arm][end], total(found[arm]))),
      ]),
      [["all", ...ARMS.map((arm) => data(total(found[arm]), count(total(found[arm])), { "data-leases": arm }))]],
    ),
  ]);
}

function share(n, of) {
  return [data(n, count(n)), of ? el("span", { class: "note" }, ` ${percent(n / of, 0)}`) : null].filter(Boolean);
}

function stack(arm, counts) {
  const all = total(counts);
  let from = 0;
  const parts = ENDS.map((end) => {
    const width = all ? (counts[end] / all) * 100 : 0;
    from += width;
    return svg("rect", { class: `fill-${end}`, x: `${from - width}%`, width: `${width}%`, height: "100%" });
  });
  return el("div", { class: "beside" }, el("span", { class: "note" }, arm), svg("svg", { class: "stack", "aria-hidden": "true" }, all ? parts : []));
}

export function spending(node, board) {
  const rows = [
    ["spent", "spent"],
    ["refunded", "refunded"],
    ["outstanding", "still to come back"],
    ["per_success", "cost per success"],
  ];
  show(node, board.status.money, (found) => [
    table("Money per arm, in the account's unit", ["", "old", "new"], rows.map(([key, name]) => [
      name,
      ...ARMS.map((arm) => data(found[arm][key], money(found[arm][key]), { "data-money": `${arm}.${key}` })),
    ])),
    el("p", { class: "note" }, "Cost per success: what was not refunded, per lease that got a code."),
  ]);
}

/** The chart and table of the chosen action. */
export function latencies(nodes, board) {
  const { pick, chart, numbers } = nodes;
  const names = board.latency.map((one) => one.action);
  show(pick, names, () => names.map((name) => el("option", { value: name }, name || "no action")));
  const chosen = board.latency.find((one) => one.action === pick.value) || board.latency[0];
  pick.parentElement.hidden = chart.hidden = !chosen;
  show(numbers, [chosen || null, document.documentElement.dataset.theme], () => {
    if (!chosen) return el("p", { class: "none" }, "No call has been answered in the last hour.");
    latency(chart, chosen);
    return table(`Latency of ${chosen.action}`, ["", "old", "new"], [
      ["calls", ...ARMS.map((arm) => data(chosen[arm].n, count(chosen[arm].n)))],
      ...["p50", "p95", "p99"].map((q) => [q, ...ARMS.map((arm) => data(chosen[arm][q], seconds(chosen[arm][q])))]),
    ]);
  });
}

export function shadow(node, board) {
  show(node, board.status.shadow, (found) =>
    table("Shadow copies", ["", ""], [
      ["copies sent", data(found.sent, count(found.sent), { "data-shadow": "sent" })],
      ["dropped, queue full", data(found.dropped, count(found.dropped), { "data-shadow": "dropped" })],
      ["differences", data(found.differences, count(found.differences), { "data-shadow": "differences" })],
      ["spent", data(found.spent, money(found.spent))],
    ]));
}

/** Numbers bought on new for comparison, and their switch; nothing where the policy has none. */
export function shadowLeases(node, board, turn) {
  show(node, board.shadow_leases, (found) => {
    const bought = total(found.leases);
    if (found.mode === "off" && !bought) return null;
    const by = found.by ? `${found.stopped ? "Stopped" : "Started"} by ${found.by.actor}${found.by.reason ? `: ${found.by.reason}` : ""}` : null;
    return [
      table(`Shadow leases, ${found.mode}`, [`shadow leases, ${found.mode}`, ""], [
        ["open", data(found.leases.open, count(found.leases.open), { "data-shadow-leases": "open" })],
        ["being bought or looked for", data(found.leases.reserved, count(found.leases.reserved))],
        ["given back or over", data(found.leases.ended, count(found.leases.ended))],
        ["spent, refunds aside", data(found.spent.run, money(found.spent.run))],
        ["not given back yet", data(found.spent.outstanding, money(found.spent.outstanding))],
      ]),
      by ? el("p", { class: "note" }, by) : null,
      act(found.stopped ? "Start shadow leases" : "Stop shadow leases", () => turn(!found.stopped), found.stopped ? "" : "danger"),
    ];
  });
}

function act(text, work, kind = "", name = null) {
  const node = el("button", { type: "button", class: `small ${kind}`.trim(), "aria-label": name }, text);
  node.onclick = work;
  return node;
}

/** `acknowledge` is called with a place and with the finding in words. */
export function differences(node, board, acknowledge) {
  show(node, [board.differences, board.acknowledged], ([found, acknowledged]) => [
    found.map((one) => difference(one, acknowledge)),
    acknowledged ? el("p", { class: "none" }, `${count(acknowledged)} acknowledged, and no longer counted.`) : null,
  ]);
}

function difference(one, acknowledge) {
  const what = `${one.action}: ${one.kind.replaceAll("_", " ")}${one.path ? ` at ${one.path}` : ""}`;
  const place = { action: one.action, kind: one.kind, path: one.path };
  return (
    el("article", {},
      el("div", { class: "beside apart" }, el("h3", {}, what), act("Acknowledge", () => acknowledge(place, what), "", `Acknowledge ${what}`)),
      el("dl", {}, [
        ["old", one.old], ["new", one.new], ["breaks", one.breaks], ["seen", `${count(one.count)} times`],
      ].map(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]))));
}

export function hazards(node, board) {
  show(node, board.hazards, (found) => found.length
    ? table("Hazards seen", ["seen in traffic", "times"], found.map((one) => [hazard(one), data(one.n, count(one.n))]))
    : el("p", { class: "none" }, "None seen in live traffic."));
}

function hazard(one) {
  const more = [
    one.clients > 1 ? `${count(one.clients)} clients` : null,
    one.amount ? `${money(one.amount)} held up` : null,
    one.example ? `e.g. ${one.example}` : null,
  ].filter(Boolean).join("; ");
  return [
    one.name.replaceAll("_", " "),
    one.meaning ? el("p", { class: "note" }, one.meaning) : null,
    more ? el("p", { class: "note" }, more) : null,
  ].filter(Boolean);
}

export function unmapped(node, board, acknowledge) {
  show(node, board.unmapped, (found) => found.length
    ? table("Actions that new cannot serve", ["new cannot serve", "calls", ""], found.map((one) => {
        const what = `${one.action}: new cannot serve it`;
        const button = act("Acknowledge", () => acknowledge({ action: one.action, kind: "unmapped" }, what), "", `Acknowledge ${what}`);
        return [[one.action, el("span", { class: "note" }, ` ${one.why}`)], data(one.calls, count(one.calls)), button];
      }))
    : null);
}

export function log(node, board) {
  show(node, board.decisions, (found) => found.length ? found.toReversed().map(decision) : el("li", { class: "none" }, "Nothing has been decided yet."));
}

function decision(one) {
  return el("li", {},
    el("time", { datetime: new Date(one.at * 1000).toISOString() }, moment(one.at)),
    el("span", { class: "event", "data-event": one.event }, one.event),
    el("div", {},
      el("p", {}, one.reason || "no reason given"),
      el("p", { class: "who" }, `${one.actor}; ${one.after.replaceAll("_", " ")} in ${one.stage} at ${weight(one.weight)}`)));
}
