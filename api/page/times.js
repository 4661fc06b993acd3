// Points in time, as people say them, by the server's clock.

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
let ahead = 0;

/** Learn from an answer how far the server's clock is ahead of this one. */
export function noteServerTime(response) {
  const date = Date.parse(response.headers.get("Date"));
  if (!Number.isNaN(date)) ahead = date - Date.now();
}

/** Return a length of time in its largest unit: `4 min`. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [size, unit] = UNITS.find(([size]) => whole >= size) ?? UNITS.at(-1);
  return `${Math.floor(whole / size)} ${unit}`;
}

/** Return the seconds since a time that the API gave. */
export function age(text) {
  return (Date.now() + ahead - Date.parse(text)) / 1000;
}

/** Show in a `time` element how long ago something was, or how long from now it will be; the day and hour on hover. */
export function showTime(node, text, empty = "never") {
  if (!text) {
    node.removeAttribute("datetime");
    node.removeAttribute("title");
    node.textContent = empty;
    return;
  }
  const seconds = age(text);
  const words = seconds < -1 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
  if (node.textContent !== words) node.textContent = words;
  if (node.getAttribute("datetime") === text) return;
  node.setAttribute("datetime", text);
  node.title = moment(text);
}

/** Return the day and the hour of a time, as this browser's place has them. */
export function moment(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** Return a number of milliseconds: `12 ms`, `3.4 s`. */
export function millis(number) {
  if (number === null || number === undefined) return "–";
  return number < 1000 ? `${number} ms` : `${(number / 1000).toFixed(1)} s`;
}
