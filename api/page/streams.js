// The streams of a source, asked for on demand: the source is connected to for them.

import { once } from "./button.js";
import { el } from "./dom.js";
import { get } from "./http.js";
import { announce, sentence } from "./notices.js";
import { row, table } from "./table.js";
import { moment } from "./times.js";

const KEPT_S = 300;

/** Make the part that lists the streams of the source at a path of the API. */
export function streamsSection(path) {
  const found = el("div", { class: "found" });
  const button = el("button", { type: "button" }, "List the streams");
  let isAgain = false;
  button.addEventListener("click", () =>
    once(button, "Asking the source …", async () => {
      try {
        const { body } = await get(`${path}/streams?max_age=${isAgain ? 0 : KEPT_S}`);
        isAgain = true;
        announce(`${body.data.length} ${body.data.length === 1 ? "stream" : "streams"}`);
        found.replaceChildren(list(body.data), el("p", { class: "minor" }, `As of ${moment(body.as_of)}.`));
      } catch (problem) {
        found.replaceChildren(el("p", { class: "field-error", role: "alert" }, `${sentence(problem)}.`));
      }
    }),
  );
  return el("section", { class: "card" }, el("h2", {}, "Streams"), button, found);
}

function list(streams) {
  if (streams.length === 0) return el("p", { class: "minor" }, "The source has no streams.");
  const columns = [{ label: "Stream" }, { label: "Columns" }, { label: "Primary key" }, { label: "Cursor" }];
  const { node, body } = table("Streams", columns);
  const labels = columns.map((column) => column.label);
  const joined = (names) => names.join(", ") || "–";
  body.append(
    ...streams.map((stream) =>
      row(labels, [
        { content: stream.name, class: "strong" },
        { content: stream.columns?.length ?? "–", class: "number" },
        { content: joined(stream.primary_key) },
        { content: joined(stream.cursor) },
      ]),
    ),
  );
  return node;
}
