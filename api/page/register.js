// The form that registers a connector: choose a type, fill in its fields, test, register.

import { once } from "./button.js";
import { configForm } from "./config_form.js";
import { control } from "./controls.js";
import { el } from "./dom.js";
import { errorSummary } from "./error_summary.js";
import { post } from "./http.js";
import { notify, sentence } from "./notices.js";
import { roleControl } from "./role_control.js";
import { outcome } from "./test_outcome.js";
import { connectorTypes } from "./types.js";

const TEXTS = [
  { name: "name", isRequired: true, example: "users_db", description: "Letters, digits, - and _; it is never changed later." },
  { name: "description", example: "The people who use the shop", description: "For those who find it in the list." },
  { name: "owner", example: "team:data", description: "A team, team:NAME, or an e-mail address." },
];

/** Show the form. */
export function registerView() {
  const offered = new Map();
  let type = null;
  let config = null;
  let passed = null; // what was tested well
  let sent = { text: null, key: null };

  const summary = errorSummary();
  const types = el("select", { id: "type", on: { change: choose } }, el("option", { value: "" }, "Choose …"));
  const about = el("p", { class: "hint", id: "type-hint" });
  const texts = TEXTS.map((field) => control({ kind: "text", path: [field.name], fallback: null, options: [], ...field }));
  const role = roleControl(build);
  const fields = el("div");
  const result = el("div", { class: "result", role: "status" });
  const test = el("button", { type: "button", on: { click: () => once(test, "Testing …", tryIt) } }, "Test the connection");
  const untestable = el("p", { class: "hint" }, "Connectors of this type are tested once they are registered, by Dagster: from their own page.");
  const skip = el("input", { type: "checkbox", id: "skip-test" });
  const skipField = el("div", { class: "check" }, skip, el("label", { for: "skip-test" }, "Register it without a test that passed"));
  const register = el("button", { class: "primary", type: "submit" }, "Register");
  const rest = el(
    "div",
    { class: "rest", hidden: true },
    el("section", { class: "card" }, el("h2", {}, "Configuration"), fields),
    el("section", { class: "card" }, el("h2", {}, "Test"), untestable, test, result),
    skipField,
    el("div", { class: "actions" }, register, el("a", { class: "button", href: "#/connectors" }, "Cancel")),
  );
  const form = el(
    "form",
    { novalidate: true, autocomplete: "off", on: { submit: (event) => { event.preventDefault(); once(register, "Registering …", registerIt); } } },
    el(
      "section",
      { class: "card" },
      el("h2", {}, "Connector"),
      el("div", { class: "field" }, el("label", { for: "type" }, "type", el("span", { class: "minor" }, " required")), about, types),
      role.node,
      texts.map((one) => one.node),
    ),
    rest,
  );
  const node = el(
    "div",
    { class: "view narrow" },
    el("a", { class: "back", href: "#/connectors" }, "Connectors"),
    el("div", { class: "heading" }, el("h1", {}, "Register a connector")),
    summary.node,
    form,
  );
  types.setAttribute("aria-describedby", "type-hint");
  loadTypes();

  async function loadTypes() {
    try {
      const found = await connectorTypes();
      for (const one of found) offered.set(one.name, one);
      types.append(...found.map(option));
      summary.clear();
    } catch (problem) {
      const message = `${sentence(problem)}. Try again.`;
      summary.show("The types of connectors cannot be listed", [{ message, focus: loadTypes }]);
    }
  }

  function choose() {
    type = offered.get(types.value) ?? null;
    rest.hidden = true;
    summary.clear();
    about.textContent = type?.fault ? `This type cannot be used: ${type.fault.message}. ${type.fault.hint ?? ""}` : "";
    if (!type?.roles.length) return;
    role.offer(type.roles.map((one) => one.role));
    build();
  }

  function build() {
    const chosen = inRole();
    about.textContent = chosen.description.replaceAll("`", "");
    config = configForm(chosen.config_schema, chosen.test_fields);
    fields.replaceChildren(config.node);
    untestable.hidden = Boolean(chosen.test_fields);
    test.hidden = skipField.hidden = !chosen.test_fields;
    result.replaceChildren();
    passed = null;
    rest.hidden = false;
  }

  /** What the type says of itself in the role that is chosen. */
  function inRole() {
    return type.roles.find((one) => one.role === role.value());
  }

  function present() {
    return JSON.stringify([type.name, role.value(), config.plain()]);
  }

  async function tryIt() {
    clear();
    result.replaceChildren();
    const wrong = config.problems({ forTest: true });
    if (wrong.length) return complain("This cannot be tested yet", wrong, true);
    const asked = present();
    try {
      const { data } = await post("connectors/test", testBody());
      passed = data.status === "connected" ? asked : null;
      result.replaceChildren(outcome(data));
    } catch (problem) {
      refuse("This cannot be tested as it is", problem, true);
    }
  }

  /** What the API takes for a test: a connection string, or those fields that one may send. */
  function testBody() {
    const { connection, ssl, ...given } = config.tested();
    const head = { type: type.name, role: role.value() };
    if (connection) return { ...head, connection, ...(ssl ? { ssl } : {}) };
    const { test_fields: taken } = inRole();
    const all = ssl ? { ...given, ssl } : given;
    return { ...head, config: Object.fromEntries(Object.entries(all).filter(([name]) => taken.includes(name))) };
  }

  async function registerIt() {
    if (rest.hidden) return summary.show("This cannot be registered yet", [{ message: "Choose a type.", focus: () => types.focus() }]);
    clear();
    const wrong = [
      ...texts.map((one) => ({ field: one.path[0], message: one.check() })).filter((one) => one.message),
      ...config.problems({ forTest: false }),
    ];
    if (!test.hidden && passed !== present() && !skip.checked) {
      const message = "Test the connection first, or tick that it is registered without a test.";
      wrong.push({ message, focus: () => test.focus() });
    }
    if (wrong.length) return complain("This cannot be registered yet", wrong, false);
    const body = { type: type.name, role: role.value(), config: config.registered() };
    for (const one of texts) if (!one.isEmpty()) body[one.path[0]] = one.value();
    try {
      const { data } = await post("connectors", body, { "Idempotency-Key": keyFor(body) });
      notify(`Registered ${data.name}. Dagster checks it within half a minute.`);
      location.hash = `#/connectors/${encodeURIComponent(data.name)}`;
    } catch (problem) {
      refuse("This was not registered", problem, false);
    }
  }

  /** The same key for the same connector, so that a second attempt is not a second registration. */
  function keyFor(body) {
    const text = JSON.stringify(body);
    if (sent.text !== text) sent = { text, key: [...crypto.getRandomValues(new Uint32Array(4))].join("-") };
    return sent.key;
  }

  function clear() {
    summary.clear();
    for (const one of texts) one.fail(null);
    config.clear();
  }

  function refuse(title, problem, ofTest) {
    if (!problem.code) throw problem; // a fault of this page
    const errors = problem.errors.length ? problem.errors : [{ message: problem.detail }];
    complain(title, errors.map((error) => ({ ...error, message: `${sentence({ detail: error.message })}.`.replace("..", ".") })), ofTest);
  }

  /** Show what is wrong at the fields, and all of it at the top. */
  function complain(title, errors, ofTest) {
    const shown = errors.map(({ field = "", message, focus }) => {
      const path = field.replace(/^connection\..*/, "connection").replace(/^config\./, "");
      const one = texts.find((text) => text.path[0] === field) ?? config.find(path);
      if (ofTest && one?.failValue) one.failValue(message);
      else one?.fail(message);
      return { message: one ? `${one.path.join(".")}: ${message}` : message, focus: one?.focus ?? focus };
    });
    summary.show(title, shown);
  }

  return { node, title: "Register a connector", stop: () => {} };
}

function option({ name, title, fault }) {
  const label = title === name ? name : `${title} (${name})`;
  return el("option", { value: name }, fault ? `${label}: cannot be used` : label);
}
