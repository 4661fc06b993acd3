// What is told to the reader beside the page's content: announcements for screen readers, and messages to be seen.

import { el } from "./dom.js";

const announcements = document.getElementById("announcements");
const notices = document.getElementById("notices");
const SHOWN_MS = 8000;

/** Tell those who cannot see it that something has changed. */
export function announce(text) {
  announcements.textContent = text;
}

/** Show a message; one of a failure stays until it is closed. */
export function notify(text, { isFailure = false } = {}) {
  const close = el("button", { class: "plain", type: "button", "aria-label": "Close this message" }, "×");
  const box = el("div", { class: "notice", "data-failure": String(isFailure), role: isFailure ? "alert" : "status" });
  close.addEventListener("click", () => box.remove());
  notices.append(box);
  // The element was there before its text, so that screen readers notice it.
  box.append(el("p", {}, text), close);
  if (!isFailure) setTimeout(() => box.remove(), SHOWN_MS);
}

/** Return a problem as a sentence. */
export function sentence(problem) {
  const text = problem.detail ?? problem.message;
  return text ? text[0].toUpperCase() + text.slice(1) : "Something went wrong";
}
