// A line of latencies.

import { svg } from "./dom.js";
import { millis } from "./times.js";

/**
 * Draw latencies, the oldest first; a check that failed is a gap with a bar at the bottom. The scale begins at zero, so
 * that a line is as flat as the latency is steady. Nothing in it minds being stretched.
 */
export function sparkline(values, { width = 96, height = 24, inset = 3 } = {}) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(...known, 1);
  const step = (width - 2 * inset) / Math.max(values.length - 1, 1);
  const x = (place) => inset + place * step;
  const y = (value) => height - inset - (value / top) * (height - 2 * inset);
  const chart = svg("svg", {
    class: "sparkline", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", width, height, role: "img",
    "aria-label": told(values, known),
  });
  for (const run of runs(values)) {
    const points = run.map(([place, value]) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
    chart.append(svg("polyline", { points: points.join(" ") }));
    if (run.length === 1) chart.append(dot("alone", x(run[0][0]), y(run[0][1])));
  }
  values.forEach((value, place) => {
    if (value !== null) return;
    chart.append(svg("path", { class: "failed", d: `M${x(place).toFixed(1)} ${height - inset}v${-height / 3}` }));
  });
  if (values.at(-1) !== null) {
    chart.append(dot("last", x(values.length - 1), y(values.at(-1))));
  }
  return chart;
}

/** The round end of a line without length. */
function dot(kind, x, y) {
  return svg("path", { class: kind, d: `M${x.toFixed(1)} ${y.toFixed(1)}h.01` });
}

/** The stretches without a gap, as pairs of place and value. */
function runs(values) {
  const found = [[]];
  values.forEach((value, place) => {
    if (value === null) found.push([]);
    else found.at(-1).push([place, value]);
  });
  return found.filter((run) => run.length);
}

function told(values, known) {
  const failed = values.length - known.length;
  const range = known.length ? `, ${millis(Math.min(...known))} to ${millis(Math.max(...known))}` : "";
  return `Latency of the last ${values.length} recorded checks${range}${failed ? `, ${failed} failed` : ""}`;
}
