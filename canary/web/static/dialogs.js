// Confirming an event with a reason, and signing in. Both are dialogs: Escape closes, focus returns to its place.

import * as api from "./api.js";
import { by } from "./dom.js";

export const EVENTS = {
  approve: { button: "Approve", title: "Enter the next stage?", text: "The stage that waits for approval is entered at once.", kind: "primary" },
  resume: { button: "Resume", title: "Resume the rollout?", text: "The gates judge on, and may advance the rollout.", kind: "primary" },
  restart: { button: "Restart", title: "Begin another attempt?", text: "The rollout begins again at its first stage. Another attempt spends the allowed error once more.", kind: "primary" },
  pause: { button: "Pause", title: "Pause the rollout?", text: "The weight stays as it is. The gates still roll back on harm.", kind: "" },
  promote: { button: "Promote", title: "Move on without the gates?", text: "The next stage is entered at once, whatever the evidence says.", kind: "" },
  rollback: { button: "Roll back", title: "Roll back to old?", text: "No new lease goes to new, at once. Its open leases finish there.", kind: "danger" },
};

const ACTOR = "canary-actor";

/** Ask for a reason and carry the event out; resolves when the dialog is closed. */
export function confirm(event) {
  const words = EVENTS[event];
  const dialog = by("confirm");
  by("confirm-title").textContent = words.title;
  by("confirm-text").textContent = words.text;
  by("confirm-reason").value = "";
  by("confirm-reason").required = event !== "rollback";
  by("confirm-actor").value = localStorage.getItem(ACTOR) || "";
  by("confirm-do").textContent = words.button;
  by("confirm-do").className = words.kind || "primary";
  return run(dialog, by("confirm-error"), async () => {
    const actor = by("confirm-actor").value.trim();
    localStorage.setItem(ACTOR, actor);
    await api.act(event, actor ? `${actor} (dashboard)` : "dashboard", by("confirm-reason").value);
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
