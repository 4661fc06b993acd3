// The page: which view an address shows. Addresses are in the fragment, so that the server needs none of them.

import { connectorView } from "./connector.js";
import { connectorsView } from "./connectors.js";
import { pipelinesView } from "./pipelines.js";
import { registerView } from "./register.js";

const main = document.getElementById("main");
const ROUTES = [
  [/^connectors$/, connectorsView],
  [/^connectors\/(.+)$/, connectorView],
  [/^pipelines$/, pipelinesView],
  [/^register$/, registerView],
];
let shown = null;

function show() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [make, name] = found(path || "connectors");
  const isFirst = shown === null;
  shown?.stop();
  shown = make(new URLSearchParams(query), name);
  main.replaceChildren(shown.node);
  document.title = `${shown.title} – Acme Connectors`;
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = (path || "connectors").startsWith(link.hash.slice(2)) && link.hash !== "";
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (isFirst) return;
  // Who follows a link by keyboard, or by ear, goes on at the top of what it led to.
  const title = main.querySelector("h1");
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function found(path) {
  for (const [pattern, make] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return [make, match[1] && decoded(match[1])];
  }
  return [connectorsView];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);
show();
