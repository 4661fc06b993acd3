// Loading again and again, as long as somebody looks.

import { el, setText } from "./dom.js";
import { announce, sentence } from "./notices.js";

const freshness = document.getElementById("freshness");
const LONGEST_S = 60;

/**
 * Call `load` now and every few seconds, not while the page is hidden, and more rarely while it fails. Failures are
 * shown in the banner, a place at the top of a view.
 */
export function poll(load, everyS, banner) {
  let timer = null;
  let turn = null;
  let pauseS = everyS;
  let updated = null;

  async function now() {
    clearTimeout(timer);
    turn?.abort();
    const mine = new AbortController();
    turn = mine;
    try {
      await load(mine.signal);
      if (mine.signal.aborted) return;
      pauseS = everyS;
      updated = new Date().toLocaleTimeString();
      freshness.textContent = `Updated ${updated}`;
      succeeded(banner);
    } catch (error) {
      if (mine.signal.aborted) return;
      pauseS = Math.max(Math.min(2 * pauseS, LONGEST_S), error.retryAfter ?? 0);
      failed(banner, error, updated, now);
    }
    if (!document.hidden) timer = setTimeout(now, 1000 * pauseS);
  }

  function look() {
    if (document.hidden) clearTimeout(timer);
    else now();
  }

  function stop() {
    clearTimeout(timer);
    turn?.abort();
    document.removeEventListener("visibilitychange", look);
  }

  document.addEventListener("visibilitychange", look);
  now();
  return { now, stop };
}

function succeeded(banner) {
  if (!banner.hidden) announce("The page is up to date again.");
  banner.hidden = true;
  banner.replaceChildren();
}

function failed(banner, error, updated, again) {
  const text = updated ? `${sentence(error)}. This is as of ${updated}.` : `${sentence(error)}.`;
  if (!error.code) console.error(error); // a fault of this page
  freshness.textContent = "";
  if (banner.hidden) {
    banner.replaceChildren(el("p"), el("button", { type: "button", on: { click: again } }, "Try again"));
    announce(text);
  }
  banner.hidden = false;
  setText(banner.firstChild, text);
}
