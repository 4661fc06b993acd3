// The part of a form that a type's schema makes: its fields, as configuration and as a test.

import { control } from "./controls.js";
import { el } from "./dom.js";
import { fieldsOf } from "./fields.js";
import { secretControl } from "./secret_control.js";

/** Make the fields of a schema; those that a test takes, if it takes any, come before what few set. */
export function configForm(schema, testFields) {
  const controls = [];
  const secrets = [];
  const fields = fieldsOf(schema);
  const isCommon = (field) => (testFields ? testFields.includes(field.name) : field.fallback === null);
  const common = fields.filter((field) => field.isRequired || isCommon(field));
  const others = fields.filter((field) => !common.includes(field));

  function made(field) {
    if (field.kind === "object") {
      return el(
        "fieldset",
        { class: "group" },
        el("legend", {}, field.name),
        el("p", { class: "hint" }, field.description),
        field.fields.map(made),
      );
    }
    const one = field.isSecret ? secretControl(field) : control(field);
    (field.isSecret ? secrets : controls).push(one);
    return one.node;
  }

  const more = el("details", { class: "more" }, el("summary", {}, "More settings"), others.map(made));
  const node = el("div", { class: "config" }, common.map(made), others.length ? more : null);
  const all = () => [...controls, ...secrets];

  /** What is filled in, with references in place of secrets. */
  function registered() {
    const config = plain();
    for (const secret of secrets) put(config, secret.path, secret.reference());
    return config;
  }

  /** What is filled in, with the secrets themselves. */
  function tested() {
    const config = plain();
    for (const secret of secrets) put(config, secret.path, secret.value());
    return config;
  }

  /** What is filled in, without secrets. */
  function plain() {
    const config = {};
    for (const one of controls) if (!one.isEmpty()) put(config, one.path, one.value());
    return config;
  }

  /** Return what is wrong, as `{ field, message }` like the API's; a test does without references. */
  function problems({ forTest }) {
    return (forTest ? controls : all())
      .map((one) => ({ field: one.path.join("."), message: one.check() }))
      .filter((problem) => problem.message);
  }

  /** Return the control of the field that a dotted path names, or the nearest one above it. */
  function find(path) {
    const parts = path.split(".");
    for (let length = parts.length; length > 0; length -= 1) {
      const key = parts.slice(0, length).join(".");
      const one = all().find((candidate) => candidate.path.join(".") === key);
      if (one) {
        if (more.contains(one.node)) more.open = true;
        return one;
      }
    }
    return null;
  }

  return { node, registered, tested, plain, problems, find, clear: () => all().forEach((one) => one.fail(null)) };
}

function put(config, path, value) {
  if (value === null) return;
  const [name, ...below] = path;
  if (below.length === 0) config[name] = value;
  else put((config[name] ??= {}), below, value);
}
