// The page: one stream of boards from the server, shown part by part; the evidence over time is kept here.

import * as api from "./api.js";
import { EVENTS, SHADOW, acknowledging, confirm, signIn } from "./dialogs.js";
import { by, el, setText, show } from "./dom.js";
import { gates } from "./gates.js";
import { Evidence } from "./evidence.js";
import { stages } from "./stages.js";
import { differences, hazards, latencies, leases, log, shadow, shadowLeases, spending, unmapped } from "./tables.js";

const SILENCE = 15; // seconds without a board after which the page says that it is not live
const AGAIN = 3000; // milliseconds until a broken stream is opened again

const page = { board: null, behind: 0, heard: 0, mayAct: false, stream: null, evidence: new Evidence() };

const now = () => Date.now() / 1000 - page.behind;

function receive(board) {
  page.board = board;
  page.heard = Date.now() / 1000;
  page.behind = page.heard - board.at;
  page.evidence.take(board);
  by("trouble").hidden = true;
  by("main").hidden = false;
  paint();
}

function paint() {
  const { board } = page;
  if (!board) return;
  document.title = `${board.status.name}: ${board.headline.sentence}`;
  if (document.hidden) return; // painted when somebody looks again
  setText(by("name"), board.status.name);
  setText(by("headline"), board.headline.sentence);
  document.querySelector(".hero").dataset.tone = board.headline.tone;
  show(by("why"), board.headline.why, reasons);
  show(by("actions"), board.events, (events) => Object.keys(EVENTS).filter((event) => events.includes(event)).map(button));
  stages(by("stages"), board, now());
  gates(by("gates"), board, (name) => page.evidence.of(name), page.evidence.entered);
  leases(by("leases"), board);
  spending(by("money"), board);
  latencies({ pick: by("action"), chart: by("latency-chart"), numbers: by("latency") }, board);
  shadow(by("shadow"), board);
  shadowLeases(by("shadow-leases"), board, turnShadow);
  differences(by("differences"), board, acknowledge);
  hazards(by("hazards"), board);
  unmapped(by("unmapped"), board, acknowledge);
  log(by("log"), board);
}

function reasons(why) {
  const item = (text) => el("li", {}, text);
  if (why.length <= 3) return why.map(item);
  const rest = el("details", {}, el("summary", {}, `and ${why.length - 2} more`), el("ul", {}, why.slice(2).map(item)));
  return [...why.slice(0, 2).map(item), el("li", {}, rest)];
}

function button(event) {
  const { button: text, kind } = EVENTS[event];
  const node = el("button", { type: "button", class: kind, "data-event": event }, text);
  node.onclick = () => operate(EVENTS[event], (actor, reason) => api.act(event, actor, reason));
  return node;
}

/** Do something after a confirmation, signing in first where that is needed. */
async function operate(words, work) {
  if (page.mayAct || (await sign())) await confirm(words, work);
}

const acknowledge = (place, what) => operate(acknowledging(what), (actor, reason) => api.acknowledge(place, actor, reason));

const turnShadow = (stop) => operate(SHADOW[stop ? "stop" : "start"], (actor, reason) => api.turnShadow(stop, actor, reason));

function pulse() {
  const silent = Date.now() / 1000 - page.heard;
  const state = !page.heard ? "waiting" : silent > SILENCE ? "lost" : "live";
  by("pulse").dataset.state = state;
  setText(by("pulse-text"), { waiting: "connecting", live: "live", lost: `not live for ${Math.round(silent)} s` }[state]);
  if (page.board) stages(by("stages"), page.board, now());
}

async function sign() {
  if (await signIn()) await enter();
  return page.mayAct;
}

/** Who is looking? Then open the stream, or ask for the token where reading needs it. */
async function enter() {
  try {
    const { may_read, may_act } = await api.session();
    page.mayAct = may_act;
    const sign_button = by("sign");
    sign_button.hidden = false;
    setText(sign_button, may_act ? "Sign out" : "Sign in");
    if (may_read) listen();
    else if (!by("sign-in").open) await sign();
  } catch {
    setTimeout(enter, AGAIN);
  }
}

function listen() {
  page.stream?.close();
  const stream = new EventSource("/api/v1/live");
  page.stream = stream;
  stream.addEventListener("board", (event) => receive(JSON.parse(event.data)));
  stream.addEventListener("trouble", (event) => {
    setText(by("trouble"), JSON.parse(event.data).error);
    by("trouble").hidden = false;
  });
  stream.onerror = () => {
    // a browser repeats a broken connection by itself, but not a refusal
    if (stream.readyState === EventSource.CLOSED && page.stream === stream) setTimeout(enter, AGAIN);
  };
  page.evidence.load(paint);
}

by("sign").onclick = async () => {
  if (!page.mayAct) return sign();
  await api.logout();
  page.stream?.close();
  location.reload();
};
by("action").onchange = paint;

document.onvisibilitychange = paint;

const dark = matchMedia("(prefers-color-scheme: dark)");
const themed = () => {
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
  paint();
};
dark.onchange = themed;
themed();

setInterval(pulse, 1000);
enter();
