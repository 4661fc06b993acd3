// One connector: its health, what uses it, how it is configured.

import { configuration } from "./configuration.js";
import { breakable, el, refill, setText } from "./dom.js";
import { checksTable, latencyChart, uptimes } from "./history.js";
import { Problem, get } from "./http.js";
import { announce } from "./notices.js";
import { poll } from "./poll.js";
import { runButton } from "./runs.js";
import { badge, word } from "./status.js";
import { steps } from "./steps.js";
import { streamsSection } from "./streams.js";
import { age, millis, showTime, span } from "./times.js";
import { users } from "./users.js";

const EVERY_S = 5;

/** Show the connector of a name. */
export function connectorView(_, name) {
  const path = `connectors/${encodeURIComponent(name)}`;
  let known = { etag: null, item: null };
  let pipelines = [];

  const banner = el("div", { class: "banner", hidden: true });
  const state = badge();
  const since = el("span", { class: "minor" });
  const kind = el("p", { class: "minor" });
  const description = el("p", { class: "description" });
  const failure = el("section", { class: "failure-box", "aria-label": "What is wrong", hidden: true });
  const checked = el("time");
  const latency = el("span");
  const version = el("span");
  const uptime = el("div", { class: "uptimes" });
  const chart = el("div", { class: "chart" });
  const checks = el("div", { class: "scrolled" });
  const stepsPart = el("div");
  const usersPart = el("div");
  const configPart = el("div");
  const streams = el("div");
  const test = runButton({ path: `${path}/test`, label: "Test now", busy: "Testing …", name, done: () => refresh.now() });
  test.classList.add("primary");
  test.hidden = true;
  const parts = el(
    "div",
    { class: "view", hidden: true },
    failure,
    section("Health", el("dl", { class: "facts" }, fact("Last check", checked), fact("Latency", latency), fact("Server", version)), uptime),
    section("Latency", chart),
    stepsPart,
    section("Used by", usersPart),
    streams,
    section("Configuration", configPart),
    section("Recorded checks", checks),
  );
  const node = el(
    "div",
    { class: "view" },
    el("a", { class: "back", href: "#/connectors" }, "Connectors"),
    el(
      "div",
      { class: "heading" },
      el("div", { class: "title" }, el("h1", {}, breakable(name)), el("p", { class: "state" }, state.node, since), kind, description),
      test,
    ),
    banner,
    parts,
  );
  const refresh = poll(load, EVERY_S, banner);

  async function load(signal) {
    // The list's entry tells whether anything is new; it is answered with 304 most of the time.
    const query = new URLSearchParams([["name", name], ["limit", 1], ["include", "health"]]);
    const answer = await get(`connectors?${query}`, { etag: known.etag, signal });
    if (answer) {
      const [item] = answer.body.data;
      if (!item) throw new Problem({ code: "connector.unknown", detail: `there is no connector named ${name}` });
      const [health, entry] = await Promise.all([get(`${path}/health`, { signal }), get(path, { signal })]);
      if (known.item && known.item.status !== item.status) announce(`${name}: ${word(item.status)}`);
      known = { etag: answer.etag, item, health: health.body.data, entry: entry.body.data };
    }
    show();
  }

  // Which of what uses it are pipelines; the view goes without, if need be.
  get("pipelines").then(
    ({ body }) => {
      pipelines = body.data.map((pipeline) => pipeline.name);
      if (known.item) show();
    },
    () => {},
  );

  function show() {
    const { item, health, entry } = known;
    parts.hidden = false;
    state.update(item.status);
    setText(since, health.since ? `for ${span(age(health.since))}` : "");
    setText(kind, [item.type, item.role, entry.owner, entry.origin].filter(Boolean).join(" · "));
    setText(description, entry.description ?? "");
    test.hidden = entry.disabled;
    showTime(checked, health.last_check);
    setText(latency, millis(health.latency_ms));
    setText(version, health.server_version ?? "–");
    failure.hidden = !health.error;
    refill(failure, health.error, () => failureOf(health.error));
    refill(uptime, [health.uptime_24h, health.uptime_7d, health.uptime_30d], () => uptimes(health));
    refill(chart, health.checks, () => latencyChart(health.checks));
    refill(checks, health.checks, () => checksTable(health.checks));
    refill(stepsPart, health.steps ?? null, () => (health.steps?.length ? section("Last check, step by step", steps(health.steps)) : null));
    refill(usersPart, [item.pipelines, item.pipelines_as_of, pipelines.length], () => users(item, pipelines));
    refill(streams, item.role, () => (item.role === "source" ? streamsSection(path) : null));
    refill(configPart, entry, () => configuration(entry));
  }

  return { node, title: name, stop: refresh.stop };
}

/** Make a part of the page with a heading of its own. */
function section(title, ...children) {
  return el("section", { class: "card" }, el("h2", {}, title), children);
}

function fact(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

function failureOf(error) {
  return error && [
    el("p", { class: "strong" }, error.message, " ", el("code", {}, error.code)),
    error.hint ? el("p", {}, "What to do: ", error.hint) : null,
  ];
}
