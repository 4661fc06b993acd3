// One pipeline in the list.

import { breakable, el, refill, setText } from "./dom.js";
import { runButton } from "./runs.js";
import { badge } from "./status.js";
import { row } from "./table.js";
import { showTime, span } from "./times.js";

const LABELS = ["Pipeline", "Last run", "Last sync", "Rows", "Lag", "Next run", ""];

/** Make the row of a pipeline; `changed` is called when a run that was started here has ended. */
export function pipelineRow({ name }, changed) {
  const way = el("span", { class: "minor way" });
  const fault = el("span", { class: "failure" });
  const state = badge();
  const run = el("div");
  const synced = el("time");
  const rows = el("span", { class: "number" });
  const lag = el("span", { class: "number" });
  const next = el("time");
  const start = runButton({
    path: `pipelines/${encodeURIComponent(name)}/run`, label: "Run", busy: "Running …", name, done: changed,
  });
  const node = row(LABELS, [
    { content: [el("span", { class: "name" }, breakable(name)), way, fault], class: "main" },
    { content: run },
    { content: synced },
    { content: rows },
    { content: lag },
    { content: next },
    { content: start, class: "action" },
  ]);

  function update(item) {
    refill(way, [item.source, item.destination, item.streams.length], () => [
      connector(item.source), " → ", connector(item.destination), ` · ${streamsOf(item)}`,
    ]);
    setText(fault, item.fault ?? "");
    refill(run, item.last_run === null, () => (item.last_run === null ? el("span", { class: "minor" }, "never") : state.node));
    if (item.last_run !== null) state.update(item.last_run);
    showTime(synced, item.last_sync);
    setText(rows, item.rows === null ? "–" : item.rows.toLocaleString());
    setText(lag, item.lag_s === null ? "–" : span(item.lag_s));
    showTime(next, item.next_run, item.schedule ? "schedule is off" : "not scheduled");
    start.hidden = item.fault !== null;
  }
  return { node, update };
}

function streamsOf({ streams }) {
  return `${streams.length} ${streams.length === 1 ? "stream" : "streams"}`;
}

function connector(name) {
  return name && el("a", { href: `#/connectors/${encodeURIComponent(name)}` }, name);
}
