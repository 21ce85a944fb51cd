// What the lists of this page have in common.

import { el } from "./dom.js";
import { halves } from "./format.js";
import { trouble } from "./words.js";

/** A name in one line, of which the end is always to be seen. */
export function nameLine(tag, name) {
  const [head, tail] = halves(name);
  return el(tag, { class: "name", title: name }, el("span", { class: "name-head" }, head), el("span", { class: "name-tail" }, tail));
}

/** Has `list` show these rows in this order. Those that stay are left where they are, so that the focus is not lost from them. */
export function arrange(list, rows) {
  const wanted = new Set(rows);
  for (const row of [...list.children]) if (!wanted.has(row)) row.remove();
  let previous = null;
  for (const row of rows) {
    const expected = previous ? previous.nextSibling : list.firstChild;
    if (row !== expected) list.insertBefore(row, expected);
    previous = row;
  }
}

/** Takes a row out; the focus goes to its neighbour, or where the list begins. */
export function removeRow(row, title) {
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  (next?.querySelector("button") ?? title).focus();
}

/** Says in the row itself what went wrong with it. */
export function complain(row, error) {
  const { title, advice } = trouble(error);
  say(row, `${title}. ${advice}`);
}

/** The same, in these words. */
export function say(row, words) {
  row.querySelector(".row-trouble")?.remove();
  row.append(el("p", { class: "row-trouble", role: "alert" }, words));
}
