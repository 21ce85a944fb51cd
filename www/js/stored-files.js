// What the bucket holds for this visitor, with download and delete.

import { confirmIn } from "./confirm.js";
import { announce, el, iconButton } from "./dom.js";
import { ago, bytes, count, date, halves, nameOf } from "./format.js";
import { trouble } from "./words.js";

const list = document.getElementById("files");
const nothing = document.getElementById("no-files");
const summary = document.getElementById("stored-summary");
const title = document.getElementById("stored-title");

export class StoredFiles {
  #client;
  #rows = new Map();
  #asking;
  #askAgain = false;

  /** `ondownload(file)` starts one; `onreach(error?)` tells whether the server answered. */
  constructor(client, { ondownload, onreach }) {
    this.#client = client;
    this.ondownload = ondownload;
    this.onreach = onreach;
  }

  /** Asks the server anew. Calls during a question make one more question, not many. */
  refresh() {
    if (this.#asking) {
      this.#askAgain = true;
      return this.#asking;
    }
    this.#asking = this.#ask().finally(() => {
      this.#asking = undefined;
      if (this.#askAgain) {
        this.#askAgain = false;
        this.refresh();
      }
    });
    return this.#asking;
  }

  async #ask() {
    try {
      this.#show(await this.#client.list());
      this.onreach();
    } catch (error) {
      this.onreach(error);
    }
  }

  #show(files) {
    files.sort((one, other) => other.lastModified - one.lastModified);
    const rows = new Map(files.map((file) => [file.key, this.#rows.get(file.key) ?? this.#row(file)]));
    for (const [key, row] of this.#rows) if (!rows.has(key)) row.remove();
    // Rows that stay are left where they are, so that the focus is not lost from them.
    let previous = null;
    for (const row of rows.values()) {
      const expected = previous ? previous.nextSibling : list.firstChild;
      if (row !== expected) list.insertBefore(row, expected);
      previous = row;
    }
    this.#rows = rows;
    nothing.hidden = files.length > 0;
    const size = files.reduce((sum, file) => sum + file.size, 0);
    summary.replaceChildren(...(files.length > 0 ? [el("span", {}, count(files.length, "file")), el("span", {}, bytes(size))] : []));
  }

  #row(file) {
    const name = nameOf(file.key);
    const [head, tail] = halves(name);
    const download = iconButton("down", { short: "Download", full: `Download ${name}` }, () => this.ondownload(file));
    const remove = iconButton("trash", { short: "Delete", full: `Delete ${name}` }, () => this.#remove(file, name, row, actions));
    remove.classList.add("danger");
    const actions = el("div", { class: "actions" }, download, remove);
    const row = el(
      "li",
      { class: "file", "data-name": name, "data-key": file.key },
      el("p", { class: "name", title: name }, el("span", { class: "name-head" }, head), el("span", { class: "name-tail" }, tail)),
      el("p", { class: "meta" }, el("span", {}, bytes(file.size)), el("time", { datetime: file.lastModified.toISOString(), title: date(file.lastModified) }, ago(file.lastModified))),
      actions,
    );
    return row;
  }

  async #remove(file, name, row, actions) {
    if (!(await confirmIn(actions, { question: "Delete for good?", yes: "Delete", no: "Keep" }))) return;
    row.dataset.state = "removing";
    try {
      await this.#client.remove(file.key);
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      this.#rows.delete(file.key);
      (next?.querySelector("button") ?? title).focus();
      announce(`${name} is deleted`);
      await this.refresh();
    } catch (error) {
      delete row.dataset.state;
      const { title: what, advice } = trouble(error);
      row.querySelector(".row-trouble")?.remove();
      row.append(el("p", { class: "row-trouble", role: "alert" }, `${what}. ${advice}`));
    }
  }
}
