// All that is wrong with a form, at its top; each error leads to its field.

import { el } from "./dom.js";

/** Make the summary; `show` takes `{ message, focus }` for each error. */
export function errorSummary() {
  const node = el("div", { class: "failure-box", role: "alert", tabindex: "-1", hidden: true });

  function show(title, errors) {
    node.hidden = false;
    node.replaceChildren(
      el("p", { class: "strong" }, title),
      el(
        "ul",
        {},
        errors.map(({ message, focus }) =>
          el("li", {}, focus ? el("button", { class: "link", type: "button", on: { click: focus } }, message) : message),
        ),
      ),
    );
    node.focus();
    node.scrollIntoView({ block: "nearest" });
  }

  function clear() {
    node.hidden = true;
    node.replaceChildren();
  }

  return { node, show, clear };
}
