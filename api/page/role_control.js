// Whether a connector is a source or a destination, for the types that may be both.

import { el } from "./dom.js";

const HINTS = { source: "Rows are read from it.", destination: "Rows are loaded into it." };

/** Make the control; `changed` is called when another role is chosen. */
export function roleControl(changed) {
  const choices = el("div", { class: "choices" });
  const node = el("fieldset", { class: "field", hidden: true }, el("legend", {}, "role"), choices);
  let only = null;

  function offer(roles) {
    only = roles.length === 1 ? roles[0] : null;
    node.hidden = only !== null;
    choices.replaceChildren(
      ...roles.map((role, place) =>
        el(
          "label",
          { class: "choice" },
          el("input", { type: "radio", name: "role", value: role, checked: place === 0, on: { change: changed } }),
          el("span", {}, el("span", { class: "strong" }, role), " ", el("span", { class: "minor" }, HINTS[role])),
        ),
      ),
    );
  }

  return { node, offer, value: () => only ?? choices.querySelector("input:checked").value };
}
