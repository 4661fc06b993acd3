// The connector types that there are: asked for once, since each describes itself in a process of its own.

import { get } from "./http.js";

let asked = null;

/** Return the types as the API has them. */
export function connectorTypes() {
  asked ??= get("connector-types").then(
    ({ body }) => body.data,
    (problem) => {
      asked = null;
      throw problem;
    },
  );
  return asked;
}
