// The stage line: where the rollout stands, what is behind it, and how long the present stage still holds.

import { data, el, setText, svg } from "./dom.js";
import { duration, weight } from "./format.js";

/** Fill the list; `now` is the server's time. */
export function stages(list, board, now) {
  const { status } = board;
  const key = JSON.stringify([board.stages, status.stage_index, status.state, status.since, status.weight]);
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.dataset.state = status.state;
    list.replaceChildren(...shown(board).map((stage, index) => one(stage, index, board)));
  }
  clock(list, board, now);
}

/** The policy's stages; when they are not known, the present one. */
function shown({ stages: known, status }) {
  return known.length ? known : [{ name: status.stage, weight: status.weight, hold: 0, approval: false }];
}

function one(stage, index, { status, stages: known }) {
  const here = index === (known.length ? status.stage_index : 0);
  const done = index < status.stage_index || status.state === "complete";
  const value = here && status.state !== "complete" ? status.weight : stage.weight;
  return el(
    "li",
    { class: "stage", "aria-current": here && "step", "data-stage": stage.name },
    el("div", { class: "bar" }, svg("svg", { "aria-hidden": "true", preserveAspectRatio: "none", viewBox: "0 0 100 1" },
      svg("rect", { height: 1, width: done ? 100 : 0 }))),
    el("p", { class: "weight" }, data(value, weight(value))),
    el("p", { class: "stage-name" }, stage.name),
    el("p", { class: "note" }, note(stage, here, done)),
  );
}

function note(stage, here, done) {
  if (here) return "";
  if (done) return "done";
  return [stage.hold ? `holds ${duration(stage.hold)}` : null, stage.approval ? "needs approval" : null].filter(Boolean).join(", ");
}

const STANDS = {
  paused: "paused here",
  awaiting_approval: "cleared, waits for approval",
  rolled_back: "rolled back here",
  complete: "complete",
};

function clock(list, { status, stages: known }, now) {
  const here = list.querySelector("[aria-current]");
  if (!here) return;
  const hold = known[status.stage_index]?.hold || 0;
  const held = Math.max(0, now - status.since);
  const left = hold - held;
  const running = left > 0 ? `${duration(left)} of ${duration(hold)} left` : `held for ${duration(held)}`;
  setText(here.querySelector(".note"), STANDS[status.state] || running);
  const full = status.state === "complete" || !hold ? 100 : Math.min(100, (held / hold) * 100);
  here.querySelector("rect").setAttribute("width", full.toFixed(1));
}
