// The API key: asked for when the server wants one, kept for this tab alone.
//
// In sessionStorage it lives through a reload and ends with the tab. It is no cookie, so that no other page can make
// this browser send it. A script that got into this page could use the key wherever it was kept: what keeps scripts
// out is that text never becomes markup, and the page's content security policy.

import { el } from "./dom.js";

const PLACE = `acme-api-key ${location.pathname}`;
const button = document.getElementById("key-button");
let key = stored();
let open = null;
let isDeclined = false;

function stored() {
  try {
    return sessionStorage.getItem(PLACE);
  } catch {
    return null; // the browser keeps nothing for this page: the key lives in memory
  }
}

function keep(value) {
  key = value;
  try {
    if (value === null) sessionStorage.removeItem(PLACE);
    else sessionStorage.setItem(PLACE, value);
  } catch {
    // in memory, then
  }
  showButton();
}

function showButton() {
  button.hidden = key === null && !isDeclined;
  button.textContent = key === null ? "Enter key" : "Forget key";
}

/** Return the key, or `null`. */
export function presentKey() {
  return key;
}

/** Ask for a key, because this one (or none) was not taken. Tell whether there is another one now. */
export async function anotherKey(used) {
  if (used !== key) return key !== null;
  if (isDeclined) return false;
  open ??= dialog(used !== null).finally(() => {
    open = null;
  });
  return open;
}

function dialog(isWrong) {
  const input = el("input", {
    id: "api-key", type: "password", autocomplete: "current-password", spellcheck: "false", required: true,
    "aria-describedby": "api-key-hint api-key-error", "aria-invalid": isWrong ? "true" : null,
  });
  const error = el("p", { id: "api-key-error", class: "field-error" });
  if (isWrong) error.textContent = "The server does not take this key.";
  const box = el(
    "dialog",
    { "aria-labelledby": "api-key-title" },
    el(
      "form",
      { method: "dialog", novalidate: true },
      el("h2", { id: "api-key-title" }, "This server asks for a key"),
      el("label", { for: "api-key" }, "API key"),
      input,
      error,
      el(
        "p",
        { id: "api-key-hint", class: "hint" },
        "An operator makes one with ",
        el("code", {}, "acme api keys create --scope read"),
        "; testing takes the scope ",
        el("code", {}, "test"),
        ", registering and running ",
        el("code", {}, "write"),
        ". It stays in this tab, and is gone when you close it.",
      ),
      el(
        "div",
        { class: "actions" },
        el("button", { class: "primary", type: "submit" }, "Continue"),
        el("button", { type: "button", on: { click: () => box.close() } }, "Cancel"),
      ),
    ),
  );
  return new Promise((resolve) => {
    let given = null;
    box.querySelector("form").addEventListener("submit", (event) => {
      const text = input.value.trim();
      if (/^[\x21-\x7e]+$/.test(text)) {
        given = text;
        return;
      }
      event.preventDefault();
      error.textContent = text ? "A key has no blanks and no accents: acme_…" : "Enter a key.";
      input.setAttribute("aria-invalid", "true");
      input.focus();
    });
    box.addEventListener("close", () => {
      box.remove();
      isDeclined = given === null;
      keep(given);
      resolve(given !== null);
    });
    document.body.append(box);
    box.showModal();
    input.focus();
  });
}

button.addEventListener("click", () => {
  isDeclined = false;
  keep(null);
  location.reload();
});
showButton();
