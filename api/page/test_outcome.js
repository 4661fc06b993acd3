// What a connection test found.

import { el } from "./dom.js";
import { icon } from "./status.js";
import { steps } from "./steps.js";
import { millis } from "./times.js";

/** Show the outcome of a test. */
export function outcome(data) {
  const list = data.steps?.length ? steps(data.steps) : null;
  if (data.status === "connected") {
    const facts = [
      data.server_version,
      data.database && `database ${data.database}`,
      data.tables !== null && `${data.tables.toLocaleString()} ${data.tables === 1 ? "table" : "tables"}`,
      data.latency_ms !== null && millis(data.latency_ms),
    ].filter(Boolean);
    return el("div", { class: "good-box" }, el("p", { class: "strong" }, icon("connected"), "Connected"), el("p", {}, facts.join(" · ")), list);
  }
  return el(
    "div",
    { class: "failure-box" },
    el("p", { class: "strong" }, icon("failed"), data.error.message, " ", el("code", {}, data.error.code)),
    data.error.hint ? el("p", {}, "What to do: ", data.error.hint) : null,
    list,
  );
}
