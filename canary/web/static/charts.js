// The two charts: evidence growing towards its thresholds, and how long calls take. Drawn by Plotly.

import { odds, seconds } from "./format.js";

const CONFIG = { displayModeBar: false, responsive: true };
const START = 0.6; // evidence begins at 1; a little below it is shown
const ABOVE = 50; // what is so many times above the highest threshold has long been decided, and leaves the picture

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function layout(changes) {
  const soft = colour("soft");
  const axis = { fixedrange: true, zeroline: false, color: soft, gridcolor: colour("line"), linecolor: colour("line") };
  return {
    margin: { l: 44, r: 8, t: 8, b: 24 },
    autosize: true,
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    showlegend: false,
    font: { family: getComputedStyle(document.body).fontFamily, size: 11, color: soft },
    hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("ink") } },
    hovermode: "x",
    dragmode: false,
    ...changes,
    xaxis: { ...axis, showgrid: false, ...changes.xaxis },
    yaxis: { ...axis, ...changes.yaxis },
  };
}

/** Evidence of one gate over time. `series`: at, rollback, promote; `stages`: times at which a stage was entered. */
export function evidence(node, series, needed, stages) {
  const at = series.at.map((t) => new Date(t * 1000));
  const line = (values, name, tint) => ({
    x: at,
    y: values.map((e) => (e > 0 ? e : null)),
    type: "scatter",
    mode: at.length > 1 ? "lines" : "markers",
    name,
    line: { color: tint, width: 2, shape: "hv" },
    marker: { color: tint, size: 5 },
    customdata: values.map(odds),
    hovertemplate: `${name}: %{customdata}<extra></extra>`,
  });
  const traces = [line(series.rollback, "harm", colour("harm"))];
  if (needed.promote_at !== null) traces.push(line(series.promote, "good enough", colour("accent")));
  const highest = Math.max(needed.rollback_at, needed.promote_at ?? 1);
  const top = Math.log10(Math.min(Math.max(highest * 4, ...peak(series)), highest * ABOVE));
  const range = [Math.log10(START), top];
  const thresholds = [
    [needed.rollback_at, colour("harm"), "harm"],
    [needed.promote_at, colour("accent"), "good enough"],
  ].filter(([e]) => e !== null);
  const entered = stages.filter((t) => t > series.at[0] && t < series.at.at(-1));
  window.Plotly.react(
    node,
    traces,
    layout({
      margin: { l: 44, r: 96, t: 8, b: 24 },
      xaxis: { type: "date", nticks: 4, tickformatstops: TIMES },
      yaxis: { type: "log", range, ...decades(top) },
      shapes: [
        ...thresholds.map(([e, tint]) => rule({ y0: e, y1: e, x0: 0, x1: 1, xref: "paper", line: { color: tint, width: 1.5, dash: "dash" } })),
        ...entered.map((t) => rule({ x0: new Date(t * 1000), x1: new Date(t * 1000), y0: 0, y1: 1, yref: "paper", line: { color: colour("old"), width: 1, dash: "dot" } })),
      ],
      annotations: thresholds.map(([e, tint, name]) => ({
        text: `${name} ${odds(e)}`,
        x: 1,
        xref: "paper",
        xanchor: "left",
        xshift: 4,
        y: Math.log10(e),
        yanchor: "middle",
        showarrow: false,
        font: { color: tint, size: 11 },
      })),
    }),
    CONFIG,
  );
}

const rule = (shape) => ({ type: "line", layer: "between", ...shape });

const peak = (series) => [...series.rollback, ...series.promote].filter((e) => e > 0).map((e) => e * 1.5);

/** Ticks at powers of ten, not more than five of them. */
function decades(top) {
  const step = Math.max(1, Math.ceil(top / 4));
  const exponents = [...Array(Math.floor(top / step) + 1).keys()].map((i) => i * step);
  return { tickvals: exponents.map((e) => 10 ** e), ticktext: exponents.map((e) => odds(10 ** e)) };
}

const TIMES = [
  { dtickrange: [null, 60000], value: "%H:%M:%S" },
  { dtickrange: [60000, 86400000], value: "%H:%M" },
  { dtickrange: [86400000, null], value: "%e %b" },
];

/** How the calls of one action are spread over time, on either arm. */
export function latency(node, action) {
  const trace = (arm, tint, fill) => ({
    x: action[arm].spread.map(([edge]) => edge),
    y: action[arm].spread.map(([, share]) => share * 100),
    type: "scatter",
    mode: "lines",
    name: arm,
    line: { color: tint, width: 2, shape: "spline", smoothing: 0.5 },
    fill: "tozeroy",
    fillcolor: fill,
    customdata: action[arm].spread.map(([edge]) => seconds(edge)),
    hovertemplate: `${arm}: %{y:.1f}% up to %{customdata}<extra></extra>`,
  });
  const arms = [
    ["old", colour("old"), "rgba(133,139,148,0.12)", colour("soft")],
    ["new", colour("accent"), "rgba(11,130,132,0.14)", colour("accent")],
  ].filter(([arm]) => action[arm].n);
  const first = action.new.n && action.new.p95 < action.old.p95 ? "new" : "old"; // its label stands left of its line
  window.Plotly.react(
    node,
    arms.map((arm) => trace(...arm)),
    layout({
      xaxis: { type: "log", tickvals: TICKS, ticktext: TICKS.map(short) },
      yaxis: { ticksuffix: "%", rangemode: "tozero", nticks: 5 },
      shapes: arms.map(([arm, tint]) => rule({ x0: action[arm].p95, x1: action[arm].p95, y0: 0, y1: 1, yref: "paper", line: { color: tint, width: 1.5, dash: "dash" } })),
      annotations: arms.map(([arm, , , tint]) => ({
        text: `p95 ${arm}`,
        x: Math.log10(action[arm].p95),
        y: 1,
        yref: "paper",
        yanchor: "top",
        ...(arm === first ? { xanchor: "right", xshift: -4 } : { xanchor: "left", xshift: 4 }),
        showarrow: false,
        font: { color: tint, size: 11 },
      })),
    }),
    CONFIG,
  );
}

const TICKS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300];
const short = (t) => (t < 1 ? `${t * 1000} ms` : `${t} s`);
