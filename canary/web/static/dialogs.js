// Confirming what is done with a reason, and signing in. Both are dialogs: Escape closes, focus returns to its place.

import * as api from "./api.js";
import { by } from "./dom.js";

export const EVENTS = {
  approve: { button: "Approve", title: "Enter the next stage?", text: "The stage that waits for approval is entered at once.", kind: "primary" },
  resume: { button: "Resume", title: "Resume the rollout?", text: "The gates judge on, and may advance the rollout.", kind: "primary" },
  restart: { button: "Restart", title: "Begin another attempt?", text: "The rollout begins again at its first stage. Another attempt spends the allowed error once more.", kind: "primary" },
  pause: { button: "Pause", title: "Pause the rollout?", text: "The weight stays as it is. The gates still roll back on harm.", kind: "" },
  promote: { button: "Promote", title: "Move on without the gates?", text: "The next stage is entered at once, whatever the evidence says.", kind: "" },
  rollback: { button: "Roll back", title: "Roll back to old?", text: "No new lease goes to new, at once. Its open leases finish there.", kind: "danger", silent: true },
};

export const SHADOW = {
  stop: { button: "Stop", title: "Stop shadow leases?", text: "No further number is bought on new for comparison, on any replica. Those that are open are given back.", kind: "danger", silent: true },
  start: { button: "Start", title: "Let shadow leases go on?", text: "Numbers are bought on new for comparison again, within the policy's budget.", kind: "primary" },
};

/** `what`: the finding in words. */
export const acknowledging = (what) => ({
  button: "Acknowledge",
  title: "Can your clients live with it?",
  text: `${what}. Acknowledged, it no longer counts and no longer holds up the rollout.`,
  kind: "primary",
});

const ACTOR = "canary-actor";

/** Ask for a reason, then do `work` with the actor and the reason; resolves when the dialog is closed.
 *  `words`: button, title, text, the button's kind, and `silent` where no reason is needed. */
export function confirm(words, work) {
  const dialog = by("confirm");
  by("confirm-title").textContent = words.title;
  by("confirm-text").textContent = words.text;
  by("confirm-reason").value = "";
  by("confirm-reason").required = !words.silent;
  by("confirm-actor").value = localStorage.getItem(ACTOR) || "";
  by("confirm-do").textContent = words.button;
  by("confirm-do").className = words.kind || "primary";
  return run(dialog, by("confirm-error"), async () => {
    const actor = by("confirm-actor").value.trim();
    localStorage.setItem(ACTOR, actor);
    await work(actor ? `${actor} (dashboard)` : "dashboard", by("confirm-reason").value);
  });
}

/** Ask for the token; resolves to whether the browser is signed in. */
export function signIn() {
  by("sign-in-token").value = "";
  return run(by("sign-in"), by("sign-in-error"), () => api.login(by("sign-in-token").value));
}

/** Show a dialog until `work` succeeds (true) or it is closed (false); what goes wrong is said in it. */
function run(dialog, problem, work) {
  const form = dialog.querySelector("form");
  const button = form.querySelector("[type=submit]");
  problem.hidden = true;
  return new Promise((resolve) => {
    let done = false;
    form.onsubmit = async (submit) => {
      submit.preventDefault();
      button.disabled = true;
      try {
        await work();
        done = true;
        dialog.close();
      } catch (failure) {
        problem.textContent = failure.message;
        problem.hidden = false;
      } finally {
        button.disabled = false;
      }
    };
    form.querySelector("[data-close]").onclick = () => dialog.close();
    dialog.onclose = () => resolve(done);
    dialog.showModal();
  });
}
