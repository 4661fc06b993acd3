// Runs in Dagster: started here, and followed until they end.

import { once } from "./button.js";
import { el } from "./dom.js";
import { get, post } from "./http.js";
import { notify, sentence } from "./notices.js";

const EVERY_MS = 1500;
const FOLLOWED_MS = 15 * 60_000;
const ENDED = new Set(["SUCCESS", "FAILURE", "CANCELED"]);

/**
 * Make a button that starts a run, and says how it ended.
 *
 * `path` is what starts it, `label` what the button says, `name` what it is about; `done` is called when it has ended.
 */
export function runButton({ path, label, busy, name, done }) {
  const node = el("button", { type: "button", "aria-label": `${label}: ${name}` }, label);
  node.addEventListener("click", () =>
    once(node, busy, async () => {
      try {
        tell(label, name, await ended(await post(path)));
      } catch (problem) {
        notify(`${label}: ${name}. ${sentence(problem)}.`, { isFailure: true });
      }
      done();
    }),
  );
  return node;
}

async function ended({ data }) {
  const end = Date.now() + FOLLOWED_MS;
  let run = data;
  while (!ENDED.has(run.status) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    const { body } = await get(`runs/${encodeURIComponent(run.id)}`);
    run = body.data;
  }
  return run.status;
}

function tell(label, name, status) {
  if (status === "SUCCESS") notify(`${label}: ${name} succeeded.`);
  else if (ENDED.has(status)) notify(`${label}: ${name} failed.`, { isFailure: true });
  else notify(`${label}: ${name} still runs in Dagster.`);
}
