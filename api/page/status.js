// States: each has a shape and a word beside its colour.

import { el, setText, svg } from "./dom.js";

export const STATES = ["unhealthy", "degraded", "unknown", "disabled", "healthy"];

// Drawn in a square of 16.
const SHAPES = {
  good: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Z", "m4.9 8.2 2.2 2.2 4-4.6"],
  warning: ["M8 1.6 15 14H1Z", "M8 6.2v3.6M8 11.9v.1"],
  bad: ["M5 1h6l4 4v6l-4 4H5l-4-4V5Z", "m5.6 5.6 4.8 4.8M10.4 5.6l-4.8 4.8"],
  open: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Z", "M6 6.2a2 2 0 1 1 2.8 1.9c-.6.3-.8.6-.8 1.2M8 11.5v.1"],
  off: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Z", "M5 8h6"],
  busy: ["M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Z", "M8 4.4V8l2.4 1.6"],
};
const KINDS = {
  healthy: "good", connected: "good", passed: "good", ok: "good", SUCCESS: "good",
  degraded: "warning", warned: "warning",
  unhealthy: "bad", failed: "bad", FAILURE: "bad",
  unknown: "open", disabled: "off", skipped: "off", CANCELED: "off", CANCELING: "off",
};

/** Draw the shape of a state. */
export function icon(status) {
  const kind = KINDS[status] ?? "busy";
  const [outline, sign] = SHAPES[kind];
  return svg(
    "svg",
    { class: `icon ${kind}`, viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    svg("path", { class: "outline", d: outline }),
    svg("path", { class: "sign", d: sign }),
  );
}

/** Return a state as people say it. */
export function word(status) {
  const text = status.replaceAll("_", " ").toLowerCase();
  return text[0].toUpperCase() + text.slice(1);
}

/** Make a badge that shows a state, and is told when it is another one. */
export function badge() {
  const label = el("span");
  const node = el("span", { class: "badge" });
  let shown;
  const update = (status) => {
    if (shown === status) return;
    shown = status;
    node.dataset.status = KINDS[status] ?? "busy";
    setText(label, word(status));
    node.replaceChildren(icon(status), label);
  };
  return { node, update };
}
