// How a connector is configured, without its secrets: the API gives references to them alone.

import { el } from "./dom.js";

/** List the fields of a connector. */
export function configuration(entry) {
  const rows = [
    ...Object.entries(entry.config),
    ["check_interval_s", entry.check_interval_s],
    ["check_timeout_s", entry.check_timeout_s],
    ["failure_threshold", entry.failure_threshold],
    ["success_threshold", entry.success_threshold],
  ];
  return el("dl", { class: "configuration" }, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, shown(value))]));
}

function shown(value) {
  const isReference = value !== null && typeof value === "object" && Object.keys(value).length === 1;
  if (isReference && ["env", "file"].includes(Object.keys(value)[0])) {
    const [[store, name]] = Object.entries(value);
    return [store === "env" ? "from the environment variable " : "from the file ", el("code", {}, String(name))];
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}
