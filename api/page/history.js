// How a connector has been doing: uptimes, a chart and a table of its recorded checks.

import { el, svg } from "./dom.js";
import { sparkline } from "./sparkline.js";
import { badge } from "./status.js";
import { row, table } from "./table.js";
import { millis, moment } from "./times.js";

const WORKS = ["healthy", "degraded"];
const COLUMNS = [{ label: "Time" }, { label: "State" }, { label: "Latency" }, { label: "Message" }];

/** Show the uptimes of a day, a week and a month. */
export function uptimes(health) {
  const windows = [["24 hours", health.uptime_24h], ["7 days", health.uptime_7d], ["30 days", health.uptime_30d]];
  return windows.map(([name, { ratio, checks }]) =>
    el(
      "div",
      { class: "uptime" },
      el("span", { class: "minor" }, `Uptime, ${name}`),
      el("span", { class: "figure" }, ratio === null ? "–" : percent(ratio)),
      bar(ratio ?? 0),
      el("span", { class: "minor" }, ratio === null ? "nothing recorded" : `${checks} recorded ${checks === 1 ? "check" : "checks"}`),
    ),
  );
}

function bar(ratio) {
  return svg(
    "svg",
    { class: "bar-chart", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "ground", width: 100, height: 4 }),
    svg("rect", { class: "filled", width: (100 * ratio).toFixed(2), height: 4 }),
  );
}

/** A ratio below one never reads as 100 %. */
function percent(ratio) {
  const text = (100 * ratio).toFixed(2);
  return `${ratio < 1 && text === "100.00" ? "99.99" : text.replace(/\.?0+$/, "")} %`;
}

/** Draw the latencies of recorded checks, which come newest first. */
export function latencyChart(checks) {
  const values = checks.map((check) => (WORKS.includes(check.status) ? check.latency_ms : null)).reverse();
  if (values.length === 0) return el("p", { class: "minor" }, "No check was recorded yet.");
  const known = values.filter((value) => value !== null);
  return [
    el("p", { class: "axis minor" }, known.length ? `highest ${millis(Math.max(...known))}` : "no check worked"),
    sparkline(values, { width: 960, height: 120, inset: 8 }),
    el("p", { class: "axis minor" }, el("span", {}, moment(checks.at(-1).at)), el("span", {}, moment(checks[0].at))),
  ];
}

/** Make the table of recorded checks. */
export function checksTable(checks) {
  if (checks.length === 0) return el("p", { class: "minor" }, "No check was recorded yet.");
  const { node, body } = table("Recorded checks", COLUMNS);
  const labels = COLUMNS.map((column) => column.label);
  node.classList.add("log");
  body.append(
    ...checks.map((check) => {
      const state = badge();
      state.update(check.status);
      return row(labels, [
        { content: el("time", { datetime: check.at }, moment(check.at)) },
        { content: state.node },
        { content: millis(check.latency_ms), class: "number" },
        { content: [check.message, check.code ? el("code", {}, check.code) : null], class: "message" },
      ]);
    }),
  );
  return node;
}
