// What a check, or a test, did one after the other.

import { el } from "./dom.js";
import { icon, word } from "./status.js";
import { millis } from "./times.js";

/** List steps, each with its time. */
export function steps(list) {
  return el(
    "ol",
    { class: "steps" },
    list.map((step) =>
      el(
        "li",
        {},
        icon(step.result),
        el("span", { class: "unseen" }, `${word(step.result)}: `),
        el("span", { class: "step" }, step.name),
        el("span", { class: "number minor" }, millis(step.latency_ms)),
      ),
    ),
  );
}
