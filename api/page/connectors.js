// The list of connectors.

import { connectorRow } from "./connector_row.js";
import { el, keyed, setText } from "./dom.js";
import { filters } from "./filters.js";
import { get } from "./http.js";
import { announce } from "./notices.js";
import { poll } from "./poll.js";
import { PAGE, addressOf, cursorIn, isFiltered, pathOf, readQuery } from "./query.js";
import { word } from "./status.js";
import { table } from "./table.js";

const EVERY_S = 5;
const COLUMNS = [
  { label: "State", sort: "status" },
  { label: "Name", sort: "name" },
  { label: "Type", sort: "type" },
  { label: "Last check", sort: "last_check" },
  { label: "Latency" },
  { label: "Used by" },
  { label: "Actions", isUnseen: true },
];

/** Show the connectors that an address asks for. */
export function connectorsView(parameters) {
  let query = readQuery(parameters);
  let known = { path: null, etag: null, items: [], next: null, total: 0 };

  const banner = el("div", { class: "banner", hidden: true });
  const empty = el("div", { class: "empty loading" }, el("p", {}, "Loading …"));
  const chooser = filters(query, (change) => ask({ ...query, ...change, cursors: [] }));
  const list = table("Connectors", COLUMNS, (sort) => ask({ ...query, sort, cursors: [] }));
  const rows = keyed(list.body, (item) => item.name, (item) => connectorRow(item, () => refresh.now()));
  const place = el("p");
  const previous = el("button", { type: "button", on: { click: () => turn(query.cursors.slice(0, -1)) } }, "Previous");
  const following = el("button", { type: "button", on: { click: () => turn([...query.cursors, known.next]) } }, "Next");
  const pager = el("nav", { class: "pager", "aria-label": "Pages" }, place, previous, following);
  const node = el(
    "div",
    { class: "view" },
    el(
      "div",
      { class: "heading" },
      el("h1", {}, "Connectors"),
      el("a", { class: "button primary", href: "#/register" }, "Register a connector"),
    ),
    banner,
    chooser.node,
    list.node,
    empty,
    pager,
  );
  list.node.hidden = pager.hidden = true;
  list.showSort(query.sort);
  const refresh = poll(load, EVERY_S, banner);

  function ask(asked) {
    query = asked;
    history.replaceState(null, "", addressOf(query));
    chooser.update(query);
    list.showSort(query.sort);
    refresh.now();
  }

  function turn(cursors) {
    query = { ...query, cursors };
    refresh.now().then(() => scrollTo(0, 0));
  }

  async function load(signal) {
    const path = pathOf(query);
    const isSame = path === known.path;
    const answer = await get(path, { etag: isSame ? known.etag : null, signal });
    if (answer) {
      const { data, next, counts } = answer.body;
      if (isSame) announceChanges(known.items, data);
      known = { path, etag: answer.etag, items: data, next: cursorIn(next), total: totalOf(counts) };
      chooser.showCounts(counts);
    }
    show(); // also what has not changed: times go on
    if (!isSame && answer) announce(`${known.total} ${known.total === 1 ? "connector" : "connectors"}`);
  }

  function totalOf(counts) {
    const states = query.status.length ? query.status : Object.keys(counts);
    return states.reduce((sum, status) => sum + counts[status], 0);
  }

  function show() {
    const { items, next, total } = known;
    empty.classList.remove("loading");
    rows(items);
    const first = query.cursors.length * PAGE;
    list.node.hidden = items.length === 0;
    pager.hidden = total <= PAGE;
    setText(place, `${first + 1}–${first + items.length} of ${total.toLocaleString()}`);
    previous.disabled = query.cursors.length === 0;
    following.disabled = next === null;
    empty.hidden = items.length > 0;
    if (items.length === 0) showEmpty();
  }

  function showEmpty() {
    if (query.cursors.length) turn([]); // the last page is gone
    else if (isFiltered(query)) {
      const clear = () => ask({ ...query, q: "", role: "", type: "", status: [] });
      empty.replaceChildren(
        el("p", { class: "strong" }, "No connector fits these filters."),
        el("button", { type: "button", on: { click: clear } }, "Clear the filters"),
      );
    } else {
      empty.replaceChildren(
        el("p", { class: "strong" }, "There are no connectors yet."),
        el("p", {}, "Register one here, or declare it in connectors.yaml."),
        el("a", { class: "button primary", href: "#/register" }, "Register a connector"),
      );
    }
  }

  return { node, title: "Connectors", stop: refresh.stop };
}

function announceChanges(before, after) {
  const states = new Map(before.map((item) => [item.name, item.status]));
  const changes = after.filter((item) => states.has(item.name) && states.get(item.name) !== item.status);
  if (changes.length === 0) return;
  const some = changes.slice(0, 3).map((item) => `${item.name}: ${word(item.status)}`);
  const others = changes.length > 3 ? `, and ${changes.length - 3} more` : "";
  announce(`Changed: ${some.join(", ")}${others}`);
}
