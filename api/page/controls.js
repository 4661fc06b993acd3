// The controls of a form, one for each field. A control is `{ node, path, isEmpty, value, check, fail }`.

import { el, newId } from "./dom.js";

/** Make the control of a field that holds no secret, with `fail` to show what is wrong with it. */
export function control(field) {
  const id = newId("field");
  const input = inputOf(field, id);
  const { node, fail } = labelled(field, id, input);
  input.addEventListener("input", () => fail(null));
  return {
    node,
    fail,
    path: field.path,
    focus: () => input.focus(),
    isEmpty: () => input.value.trim() === "",
    value: () => read(field, input.value),
    check: () => complaint(field, input.value),
  };
}

/** Put a label, a hint and a place for an error around an input. */
export function labelled(field, id, input) {
  const hints = [field.description, fallbackOf(field)].filter(Boolean).join(" ");
  const error = el("p", { id: `${id}-error`, class: "field-error" });
  const fail = (message) => {
    error.textContent = message ?? "";
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  const node = el(
    "div",
    { class: "field" },
    el("label", { for: id }, field.name, field.isRequired ? el("span", { class: "minor" }, " required") : null),
    el("p", { id: `${id}-hint`, class: "hint" }, hints),
    input,
    error,
  );
  return { node, fail };
}

function fallbackOf(field) {
  if (field.fallback === null || field.kind === "choice" || field.kind === "boolean") return null;
  if (Array.isArray(field.fallback) && field.fallback.length === 0) return null;
  return `Default: ${typeof field.fallback === "string" ? field.fallback : JSON.stringify(field.fallback)}.`;
}

function inputOf(field, id) {
  const common = { id, name: field.path.join("."), required: field.isRequired, spellcheck: "false", autocomplete: "off" };
  const example = field.example === undefined ? null : String(field.example);
  switch (field.kind) {
    case "choice":
      return select(common, field.options.map(String), field.fallback, field.isRequired);
    case "boolean":
      return select(common, ["true", "false"], field.fallback, field.isRequired);
    case "number":
      return el("input", { ...common, type: "text", inputmode: field.isInteger ? "numeric" : "decimal", placeholder: example });
    case "list":
      return el("textarea", { ...common, rows: 3, placeholder: "One on each line" });
    case "json":
      return el("textarea", { ...common, rows: 4, class: "code", placeholder: "{ }" });
    default:
      return isLong(field)
        ? el("textarea", { ...common, rows: 3, class: "code", placeholder: example })
        : el("input", { ...common, type: "text", placeholder: example });
  }
}

function isLong(field) {
  return field.description.includes("PEM");
}

function select(common, options, fallback, isRequired) {
  const none = fallback === null ? (isRequired ? "Choose …" : "Not set") : `Default: ${fallback}`;
  return el(
    "select",
    common,
    el("option", { value: "" }, none),
    options.map((option) => el("option", { value: option }, option)),
  );
}

function read(field, text) {
  const trimmed = text.trim();
  switch (field.kind) {
    case "number":
      return Number(trimmed);
    case "boolean":
      return trimmed === "true";
    case "choice":
      return field.options.find((option) => String(option) === trimmed);
    case "list":
      return trimmed.split("\n").map((line) => line.trim()).filter(Boolean);
    case "json":
      return JSON.parse(trimmed);
    default:
      return isLong(field) ? text : trimmed;
  }
}

/** Return what is wrong with a text, or `null`. What the type itself knows, the server says. */
function complaint(field, text) {
  const trimmed = text.trim();
  if (trimmed === "") return field.isRequired ? "This is required." : null;
  if (field.kind === "number") return numberComplaint(field, trimmed);
  if (field.kind === "json") return isJson(trimmed) ? null : "This is no JSON.";
  return null;
}

function numberComplaint({ isInteger, minimum, maximum }, text) {
  const number = Number(text);
  if (!Number.isFinite(number) || (isInteger && !Number.isInteger(number))) {
    return isInteger ? "This must be a whole number." : "This must be a number.";
  }
  if (minimum !== undefined && number < minimum) return `This must be ${minimum} or more.`;
  if (maximum !== undefined && number > maximum) return `This must be ${maximum} or less.`;
  return null;
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
