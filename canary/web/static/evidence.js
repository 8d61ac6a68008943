// The evidence over time: the store's history, continued with each new board.

import * as api from "./api.js";

const COLUMNS = ["rollback", "promote"];
const MOST = 600; // points after which the thinned history is fetched anew
const SAME = 10; // seconds that evidence which does not move stays without a further point

export class Evidence {
  #at = [];
  #metrics = {};
  #attempt = null;
  #loading = false;
  #board = null;
  #last = "";

  /** Times at which a stage was entered, in seconds. */
  entered = [];

  /** Fetch the history, then continue it. */
  async load(then) {
    if (this.#loading) return;
    this.#loading = true;
    try {
      const { at, metrics } = await api.history();
      this.#at = at;
      this.#metrics = metrics;
      if (this.#board) this.#append(this.#board);
      then?.();
    } catch {
      // the next board tries again: a history that is missing hides no number
    } finally {
      this.#loading = false;
    }
  }

  /** Continue with a board. */
  take(board) {
    const anew = this.#attempt !== null && this.#attempt !== attempt(board);
    this.#attempt = attempt(board);
    this.#board = board;
    this.entered = board.decisions.filter((one, i, all) => i && one.stage !== all[i - 1].stage).map((one) => one.at);
    if (anew || this.#at.length > MOST) {
      this.#at = [];
      this.#metrics = {};
      this.load();
    } else this.#append(board);
  }

  /** One gate's series, or null when it has no evidence. */
  of(name) {
    const found = this.#metrics[name];
    if (!found) return null;
    const first = found.rollback.findIndex((e) => e !== null);
    if (first < 0) return null;
    return { at: this.#at.slice(first), rollback: found.rollback.slice(first), promote: found.promote.slice(first) };
  }

  #append({ at, status }) {
    const judged = Object.entries(status.metrics).filter(([, metric]) => metric.evidence);
    const over = ["rolled_back", "complete"].includes(status.state);
    const since = this.#at.length ? at - this.#at.at(-1) : Infinity;
    const value = JSON.stringify(judged.map(([, metric]) => COLUMNS.map((column) => metric.evidence[column])));
    if (over || !judged.length || since <= 0 || (value === this.#last && since < SAME)) return;
    this.#last = value;
    this.#at.push(at);
    for (const [name] of judged) this.#metrics[name] ??= Object.fromEntries(COLUMNS.map((column) => [column, []]));
    for (const [name, series] of Object.entries(this.#metrics)) {
      for (const column of COLUMNS) {
        while (series[column].length < this.#at.length - 1) series[column].push(null);
        series[column].push(status.metrics[name]?.evidence?.[column] ?? null);
      }
    }
  }
}

/** Which attempt, under which policy: another one begins another picture. */
function attempt({ decisions }) {
  const edits = decisions.filter((one) => one.event === "policy" || one.event === "restart");
  return edits.length ? edits.at(-1).at : 0;
}
