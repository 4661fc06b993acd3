// The control of a secret: a reference, which is registered, and the value itself, which one test is given.

import { el, newId } from "./dom.js";

const STORES = { env: "Environment variable", file: "File" };

/** Make the control of a field that holds a secret; `reference` and `value` read its two halves. */
export function secretControl(field) {
  const id = newId("secret");
  const examples = { env: `MY_${field.name.toUpperCase()}`, file: `/run/secrets/my_${field.name}` };
  const store = el(
    "select",
    { id: `${id}-store`, "aria-label": `Where ${field.name} is kept` },
    Object.entries(STORES).map(([key, label]) => el("option", { value: key }, label)),
  );
  const name = el("input", {
    id: `${id}-name`, type: "text", spellcheck: "false", autocomplete: "off", placeholder: examples.env,
    "aria-label": `Name of the environment variable of ${field.name}`, "aria-describedby": `${id}-hint ${id}-error`,
  });
  const value = el("input", {
    id: `${id}-value`, type: "password", autocomplete: "new-password", spellcheck: "false",
    "aria-describedby": `${id}-error`,
  });
  const error = el("p", { id: `${id}-error`, class: "field-error" });
  const fail = (message, half = name) => {
    error.textContent = message ?? "";
    for (const input of [name, value]) input.removeAttribute("aria-invalid");
    if (message) half.setAttribute("aria-invalid", "true");
  };
  store.addEventListener("change", () => {
    name.placeholder = examples[store.value];
    name.setAttribute("aria-label", `${store.value === "env" ? "Name of the environment variable" : "Path of the file"} of ${field.name}`);
  });
  for (const input of [name, value]) input.addEventListener("input", () => fail(null));
  const node = el(
    "fieldset",
    { class: "field secret" },
    el("legend", {}, field.name, el("span", { class: "minor" }, field.isRequired ? " secret, required" : " secret")),
    el("p", { id: `${id}-hint`, class: "hint" }, field.description),
    el("p", { class: "small" }, "Where it is kept", el("span", { class: "minor" }, " on the server; this is registered")),
    el("div", { class: "pair" }, store, name),
    el("label", { for: `${id}-value`, class: "small" }, "The secret itself", el("span", { class: "minor" }, " for one test; kept nowhere")),
    value,
    error,
  );
  return {
    node,
    fail,
    path: field.path,
    focus: () => (value.getAttribute("aria-invalid") ? value : name).focus(),
    reference: () => (name.value.trim() ? { [store.value]: name.value.trim() } : null),
    value: () => value.value || null,
    check: () => (field.isRequired && !name.value.trim() ? "Say where the secret is kept." : null),
    failValue: (message) => fail(message, value),
  };
}
