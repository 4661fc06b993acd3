// What uses a connector.

import { el } from "./dom.js";
import { moment } from "./times.js";

/** List the pipelines, assets and jobs that use a connector; those among `known` lead to the list of pipelines. */
export function users({ pipelines, pipelines_as_of }, known) {
  if (pipelines.length === 0) return el("p", { class: "minor" }, "No pipeline, asset or job uses it.");
  return [
    el("ul", { class: "names" }, pipelines.map((name) => el("li", {}, known.includes(name) ? linked(name) : name))),
    pipelines_as_of ? el("p", { class: "minor" }, `As of ${moment(pipelines_as_of)}: a code location cannot be asked.`) : null,
  ];
}

function linked(name) {
  return el("a", { href: `#/pipelines?q=${encodeURIComponent(name)}` }, name);
}
