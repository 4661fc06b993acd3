// Which connectors the list shows: as it stands in the page's address, and as the API is asked.

export const PAGE = 50;
const DEFAULT_SORT = "status";

/** Read what an address asks for. */
export function readQuery(parameters) {
  return {
    q: parameters.get("q") ?? "",
    role: parameters.get("role") ?? "",
    type: parameters.get("type") ?? "",
    status: parameters.getAll("status"),
    sort: parameters.get("sort") ?? DEFAULT_SORT,
    cursors: [],
  };
}

function chosen({ q, role, type, status }) {
  const parameters = new URLSearchParams();
  if (q) parameters.set("q", q);
  if (role) parameters.set("role", role);
  if (type) parameters.set("type", type);
  for (const one of status) parameters.append("status", one);
  return parameters;
}

/** Tell whether anything is left out. */
export function isFiltered(query) {
  return chosen(query).size > 0;
}

/** Return the page's address for a query, without where in the list it is. */
export function addressOf(query) {
  const parameters = chosen(query);
  if (query.sort !== DEFAULT_SORT) parameters.set("sort", query.sort);
  return `#/connectors${parameters.size ? `?${parameters}` : ""}`;
}

/** Return what the API is asked for. */
export function pathOf(query) {
  const parameters = chosen(query);
  parameters.set("sort", query.sort);
  parameters.set("limit", PAGE);
  parameters.append("include", "health");
  parameters.append("include", "counts");
  if (query.cursors.length) parameters.set("cursor", query.cursors.at(-1));
  return `connectors?${parameters}`;
}

/** Return the cursor of the next page, of which the API gives the path. */
export function cursorIn(next) {
  return next && new URL(next, location.href).searchParams.get("cursor");
}
