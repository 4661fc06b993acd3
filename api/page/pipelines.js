// The pipelines, and how they are doing.

import { el, keyed, setText } from "./dom.js";
import { get } from "./http.js";
import { pipelineRow } from "./pipeline_row.js";
import { poll } from "./poll.js";
import { table } from "./table.js";

const EVERY_S = 10;
const PAGE = 50;
const COLUMNS = [
  { label: "Pipeline" },
  { label: "Last run" },
  { label: "Last sync" },
  { label: "Rows" },
  { label: "Lag" },
  { label: "Next run" },
  { label: "Actions", isUnseen: true },
];

/** Show the pipelines whose name, source or destination has what an address asks for. */
export function pipelinesView(parameters) {
  let words = parameters.get("q") ?? "";
  let all = null;
  let page = 0;

  const banner = el("div", { class: "banner", hidden: true });
  const search = el("input", { id: "search", type: "search", placeholder: "Name, source, destination", value: words });
  search.addEventListener("input", () => {
    words = search.value.trim();
    page = 0;
    history.replaceState(null, "", words ? `#/pipelines?q=${encodeURIComponent(words)}` : "#/pipelines");
    show();
  });
  const list = table("Pipelines", COLUMNS);
  const rows = keyed(list.body, (item) => item.name, (item) => pipelineRow(item, () => refresh.now()));
  const empty = el("div", { class: "empty loading" }, el("p", {}, "Loading …"));
  const place = el("p");
  const turn = (pages) => {
    page += pages;
    show();
    scrollTo(0, 0);
  };
  const previous = el("button", { type: "button", on: { click: () => turn(-1) } }, "Previous");
  const following = el("button", { type: "button", on: { click: () => turn(1) } }, "Next");
  const pager = el("nav", { class: "pager", "aria-label": "Pages" }, place, previous, following);
  const node = el(
    "div",
    { class: "view" },
    el("div", { class: "heading" }, el("h1", {}, "Pipelines")),
    banner,
    el(
      "search",
      { class: "filters", role: "search" },
      el("div", { class: "fields" }, el("label", { class: "unseen", for: "search" }, "Search"), search),
    ),
    list.node,
    empty,
    pager,
  );
  list.node.hidden = pager.hidden = true;
  const refresh = poll(load, EVERY_S, banner);

  async function load(signal) {
    const { body } = await get("pipelines", { signal });
    all = body.data;
    show();
  }

  function show() {
    if (all === null) return;
    empty.classList.remove("loading");
    const found = all.filter(fits);
    page = Math.max(0, Math.min(page, Math.ceil(found.length / PAGE) - 1));
    const first = page * PAGE;
    const shown = found.slice(first, first + PAGE);
    rows(shown);
    list.node.hidden = shown.length === 0;
    empty.hidden = shown.length > 0;
    setText(empty.firstChild, all.length ? "No pipeline fits this search." : "There are no pipelines yet. Declare one in connectors.yaml.");
    pager.hidden = found.length <= PAGE;
    setText(place, `${first + 1}–${first + shown.length} of ${found.length.toLocaleString()}`);
    previous.disabled = page === 0;
    following.disabled = first + PAGE >= found.length;
  }

  function fits({ name, source, destination }) {
    return [name, source, destination].some((text) => text.toLowerCase().includes(words.toLowerCase()));
  }

  return { node, title: "Pipelines", stop: refresh.stop };
}
