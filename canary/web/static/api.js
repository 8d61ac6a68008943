// What the page asks its server. The mark tells a write of this page from one that another site provoked.

const HEADERS = { "x-canary-dashboard": "1" };

/** The decoded answer; an answer that went wrong is thrown as its sentence, with its status. */
async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { ...HEADERS, ...options.headers } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(body.error || `the server answered ${answer.status}`), { status: answer.status });
  return body;
}

function send(path, fields) {
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(fields) });
}

export const session = () => ask("/session");
export const login = (token) => send("/login", { token });
export const logout = () => send("/logout", {});
export const history = () => ask("/api/v1/history");
export const act = (event, actor, reason) => send(`/api/v1/${event}`, { actor, reason });
export const acknowledge = (place, actor, reason) => send("/api/v1/ack", { ...place, actor, reason });
export const turnShadow = (stop, actor, reason) => send(`/api/v1/shadow/${stop ? "stop" : "start"}`, { actor, reason });
