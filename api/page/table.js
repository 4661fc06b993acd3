// A table that becomes a list of cards on a narrow screen. Its roles are written out: with another `display` they
// would be lost.

import { el } from "./dom.js";

/** Make a table; `sorted` is called with the order that a column's head asks for. */
export function table(caption, columns, sorted) {
  const heads = columns.map((column) => {
    const head = el("th", { role: "columnheader", scope: "col" });
    if (column.sort) {
      const turned = () => (head.getAttribute("aria-sort") === "ascending" ? `-${column.sort}` : column.sort);
      head.append(el("button", { class: "sort", type: "button", on: { click: () => sorted(turned()) } }, column.label));
    } else {
      head.append(el("span", { class: column.isUnseen ? "unseen" : null }, column.label));
    }
    return head;
  });
  const body = el("tbody", { role: "rowgroup" });
  const node = el(
    "table",
    { role: "table" },
    el("caption", { class: "unseen" }, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads)),
    body,
  );
  const showSort = (sort) => {
    columns.forEach((column, place) => {
      const isSorted = column.sort && sort.replace(/^-/, "") === column.sort;
      if (isSorted) heads[place].setAttribute("aria-sort", sort.startsWith("-") ? "descending" : "ascending");
      else heads[place].removeAttribute("aria-sort");
    });
  };
  return { node, body, showSort };
}

/** Make a row of cells, each with the label of its column for narrow screens. */
export function row(columns, cells) {
  return el(
    "tr",
    { role: "row" },
    cells.map((cell, place) => el("td", { role: "cell", "data-label": columns[place], class: cell.class }, cell.content)),
  );
}
