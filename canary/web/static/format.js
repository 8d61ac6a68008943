// Numbers for people: rates as percent, times in the unit that reads best, ratios as factors.

const NONE = "–";
const NB = "\u00a0"; // keeps a number and its unit on one line
const known = (value) => typeof value === "number" && Number.isFinite(value);
const digits = (value, n) => value.toLocaleString("en", { minimumFractionDigits: n, maximumFractionDigits: n });

export const count = (n) => (known(n) ? n.toLocaleString("en") : NONE);

export function percent(value, n = 1) {
  return known(value) ? `${digits(value * 100, n)}%` : NONE;
}

/** A weight as the policy writes it: without a needless decimal. */
export function weight(value) {
  return `${(value * 100).toLocaleString("en", { maximumFractionDigits: 2 })}%`;
}

export function points(value) {
  return known(value) ? `${signed(value * 100, 1)}${NB}pp` : NONE;
}

export function factor(value) {
  return known(value) ? `×${NB}${digits(value, value < 10 ? 2 : 1)}` : NONE;
}

export function seconds(value) {
  if (!known(value)) return NONE;
  return value < 1 ? `${digits(value * 1000, value < 0.1 ? 1 : 0)}${NB}ms` : `${digits(value, 2)}${NB}s`;
}

export function money(value) {
  return known(value) ? value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: Math.abs(value) < 1 ? 4 : 2 }) : NONE;
}

/** How strong evidence is: 3.4, 120, 45 k, 10^9. */
export function odds(value) {
  if (!known(value)) return NONE;
  if (value >= 1e6) return `10^${Math.floor(Math.log10(value))}`;
  if (value >= 1e4) return `${count(Math.round(value / 1000))}k`;
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

export function duration(value) {
  const minutes = Math.round(value / 60);
  if (value < 60) return `${Math.max(0, Math.round(value))} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

export function moment(at) {
  return new Date(at * 1000).toLocaleString("sv", { dateStyle: "short", timeStyle: "medium" });
}

function signed(value, n) {
  return `${value < 0 ? "−" : value > 0 ? "+" : ""}${digits(Math.abs(value), n)}`;
}

/** How a gate's values, differences and margins are written, by its unit. */
export const UNITS = {
  share: { value: percent, difference: points, margin: (m) => `${(m * 100).toLocaleString("en", { maximumFractionDigits: 2 })}${NB}pp` },
  seconds: { value: seconds, difference: factor, margin: factor },
  money: { value: money, difference: factor, margin: factor },
  count: { value: count, difference: count, margin: count },
};
