// What chooses from the list of connectors: states with their counts, a search, role and type.

import { el, setText } from "./dom.js";
import { STATES, icon, word } from "./status.js";
import { connectorTypes } from "./types.js";

const TYPING_MS = 250;
const ORDERS = {
  status: "Worst first", "-status": "Best first", name: "By name", "-name": "By name, Z first", type: "By type",
  "-type": "By type, Z first", last_check: "Oldest check first", "-last_check": "Newest check first",
};

/** Make the filters; `changed` is called with the part of the query that is another one. */
export function filters(query, changed) {
  let chosen = query.status;
  const chips = new Map(
    STATES.map((status) => {
      const count = el("span", { class: "count" });
      const toggled = () => (chosen.includes(status) ? chosen.filter((one) => one !== status) : [...chosen, status]);
      const node = el(
        "button",
        { class: "chip", type: "button", on: { click: () => changed({ status: toggled() }) } },
        icon(status),
        word(status),
        count,
      );
      return [status, { node, count }];
    }),
  );
  const allCount = el("span", { class: "count" });
  const all = el("button", { class: "chip", type: "button", on: { click: () => changed({ status: [] }) } }, "All", allCount);

  let typing = null;
  const search = el("input", { id: "search", type: "search", placeholder: "Name, type, description, pipeline", value: query.q });
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => changed({ q: search.value.trim() }), TYPING_MS);
  });
  const role = select("Role", ["source", "destination"], query.role, (value) => changed({ role: value }));
  const sort = el(
    "select",
    { class: "sort-field", "aria-label": "Order", on: { change: () => changed({ sort: sort.value }) } },
    Object.entries(ORDERS).map(([value, label]) => el("option", { value }, label)),
  );
  const type = select("Type", query.type ? [query.type] : [], query.type, (value) => changed({ type: value }));
  loadTypes(type, query.type);

  function update(now) {
    chosen = now.status;
    all.setAttribute("aria-pressed", String(chosen.length === 0));
    for (const [status, { node }] of chips) node.setAttribute("aria-pressed", String(chosen.includes(status)));
    if (document.activeElement !== search) search.value = now.q;
    role.value = now.role;
    type.value = now.type;
    sort.value = now.sort;
  }

  function showCounts(counts) {
    setText(allCount, Object.values(counts).reduce((sum, count) => sum + count, 0).toLocaleString());
    for (const [status, { count }] of chips) setText(count, counts[status].toLocaleString());
  }

  update(query);
  const node = el(
    "search",
    { class: "filters", role: "search" },
    el("div", { class: "chips", role: "group", "aria-label": "State" }, all, [...chips.values()].map((chip) => chip.node)),
    el("div", { class: "fields" }, el("label", { class: "unseen", for: "search" }, "Search"), search, role, type, sort),
  );
  return { node, update, showCounts };
}

function select(label, options, value, changed) {
  const node = el("select", { "aria-label": label, on: { change: () => changed(node.value) } });
  node.append(el("option", { value: "" }, `Any ${label.toLowerCase()}`));
  addOptions(node, options);
  node.value = value;
  return node;
}

function addOptions(node, options) {
  const known = new Set([...node.options].map((option) => option.value));
  node.append(...options.filter((option) => !known.has(option)).map((option) => el("option", { value: option }, option)));
}

async function loadTypes(node, value) {
  try {
    const types = await connectorTypes();
    addOptions(node, types.map((type) => type.name));
    node.value = value;
  } catch {
    // the list goes without this filter
  }
}
