// One connector in the list.

import { breakable, el, refill, setText } from "./dom.js";
import { runButton } from "./runs.js";
import { sparkline } from "./sparkline.js";
import { badge } from "./status.js";
import { row } from "./table.js";
import { age, millis, showTime, span } from "./times.js";

const LABELS = ["State", "Name", "Type", "Last check", "Latency", "Used by", ""];
const LINES = 2;

/** Make the row of a connector; `changed` is called when a test of it has ended. */
export function connectorRow({ name }, changed) {
  const state = badge();
  const since = el("span", { class: "minor" });
  const failure = el("span", { class: "failure" });
  const type = el("span");
  const role = el("span", { class: "minor" });
  const checked = el("time");
  const latency = el("div", { class: "latency" });
  const users = el("div", { class: "users" });
  const address = `#/connectors/${encodeURIComponent(name)}`;
  const test = runButton({
    path: `connectors/${encodeURIComponent(name)}/test`, label: "Test", busy: "Testing …", name, done: changed,
  });
  const node = row(LABELS, [
    { content: [state.node, since], class: "state" },
    { content: [el("a", { class: "name", href: address }, breakable(name)), failure], class: "main" },
    { content: el("div", { class: "kind" }, type, role) },
    { content: checked },
    { content: latency },
    { content: users },
    { content: test, class: "action" },
  ]);

  function update({ status, type: typeName, role: roleName, last_check, pipelines, pipelines_as_of, health }) {
    state.update(status);
    setText(since, health.since ? `for ${span(age(health.since))}` : "");
    setText(failure, status === "healthy" ? "" : health.message ?? "");
    failure.dataset.status = status;
    setText(type, typeName);
    setText(role, roleName);
    showTime(checked, last_check);
    refill(latency, health.latency_ms, () => trend(health.latency_ms));
    refill(users, [pipelines, pipelines_as_of], () => usersOf(pipelines, pipelines_as_of, address));
    test.hidden = status === "disabled";
  }
  return { node, update };
}

function trend(values) {
  if (values.length === 0) return el("span", { class: "minor" }, "–");
  const last = values.at(-1);
  return [sparkline(values), el("span", { class: "number" }, last === null ? "failed" : millis(last))];
}

function usersOf(names, asOf, address) {
  if (names.length === 0) return el("span", { class: "minor" }, "nothing");
  const shown = names.length > LINES ? names.slice(0, LINES - 1) : names;
  const others = names.length - shown.length;
  return [
    ...shown.map((name) => el("span", { class: "user", title: name }, name)),
    others ? el("a", { class: "minor", href: address }, `and ${others} more`) : null,
    asOf ? el("span", { class: "minor" }, `as of ${span(age(asOf))} ago`) : null,
  ];
}
