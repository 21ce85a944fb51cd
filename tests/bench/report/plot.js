// A plot of one figure: a bar for each contender's median, a dot for each run.

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

import { spread } from "./statistics.js";

const COLOURS = { ours: "#d97706", bare: "#9ca3af", peer: "#60a5fa" };
/** An image has no page whose colour its text could take. */
const STYLE = "svg { color: #1f2328; } @media (prefers-color-scheme: dark) { svg { color: #e6edf3; } }";

/** The text of an SVG. */
export function plot(rows, { figure, label, scale = 1 }) {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const colour = ({ ours, bare }) => COLOURS[ours ? "ours" : bare ? "bare" : "peer"];
  const shown = rows.map((row) => ({ name: row.name, colour: colour(row), spread: spread(row.done, figure) }));
  const bars = shown.map(({ name, colour, spread }) => ({ name, colour, value: (spread?.median ?? 0) * scale }));
  const dots = shown.flatMap(({ name, spread }) => (spread?.values ?? []).map((value) => ({ name, value: value * scale })));
  const svg = Plot.plot({
    document,
    width: 720,
    height: 76 + 28 * rows.length,
    marginLeft: 180,
    marginRight: 60,
    marginBottom: 44,
    style: { background: "none", fontSize: "13px", fontFamily: "system-ui, sans-serif" },
    x: { label, grid: true, zero: true },
    y: { label: null, domain: rows.map(({ name }) => name) },
    marks: [
      Plot.barX(bars, { x: "value", y: "name", fill: "colour", insetTop: 2, insetBottom: 2 }),
      Plot.dot(dots, { x: "value", y: "name", r: 2.5, stroke: "currentColor", strokeOpacity: 0.6 }),
      Plot.ruleX([0]),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const style = document.createElement("style");
  style.textContent = STYLE;
  svg.append(style);
  return `${svg.outerHTML}\n`;
}
