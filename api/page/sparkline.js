// A line of latencies.

import { svg } from "./dom.js";
import { millis } from "./times.js";

/**
 * Draw latencies, the oldest first; a check that failed is a gap with a cross. The scale begins at zero, so that a
 * line is as flat as the latency is steady.
 */
export function sparkline(values, { width = 96, height = 24, inset = 3 } = {}) {
  const known = values.filter((value) => value !== null);
  const top = Math.max(...known, 1);
  const step = (width - 2 * inset) / Math.max(values.length - 1, 1);
  const x = (place) => inset + place * step;
  const y = (value) => height - inset - (value / top) * (height - 2 * inset);
  const chart = svg("svg", {
    class: "sparkline", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": told(values, known),
  });
  for (const run of runs(values)) {
    const points = run.map(([place, value]) => `${x(place).toFixed(1)},${y(value).toFixed(1)}`);
    chart.append(svg("polyline", { points: points.join(" ") }));
    if (run.length === 1) chart.append(svg("circle", { cx: x(run[0][0]), cy: y(run[0][1]), r: 1.6 }));
  }
  values.forEach((value, place) => {
    if (value !== null) return;
    const [cx, cy] = [x(place), height - inset - 2];
    chart.append(svg("path", { class: "failed", d: `M${cx - 2} ${cy - 2}l4 4m0-4l-4 4` }));
  });
  if (values.at(-1) !== null) {
    chart.append(svg("circle", { class: "last", cx: x(values.length - 1), cy: y(values.at(-1)), r: 2.2 }));
  }
  return chart;
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
