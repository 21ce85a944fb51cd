// What the bucket holds for this visitor, with download and delete.

import { coalesce } from "./coalesce.js";
import { confirmIn } from "./confirm.js";
import { announce, el, iconButton } from "./dom.js";
import { ago, bytes, count, date, nameOf } from "./format.js";
import { arrange, complain, nameLine, removeRow } from "./rows.js";

const list = document.getElementById("files");
const nothing = document.getElementById("no-files");
const summary = document.getElementById("stored-summary");
const title = document.getElementById("stored-title");

export class StoredFiles {
  #client;
  #rows = new Map();

  /** Asks the server anew. */
  refresh = coalesce(() => this.#ask());

  /** `ondownload(file)` starts one; `onreach(error?)` tells whether the server answered. */
  constructor(client, { ondownload, onreach }) {
    this.#client = client;
    this.ondownload = ondownload;
    this.onreach = onreach;
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
    arrange(list, [...rows.values()]);
    this.#rows = rows;
    nothing.hidden = files.length > 0;
    const size = files.reduce((sum, file) => sum + file.size, 0);
    summary.replaceChildren(...(files.length > 0 ? [el("span", {}, count(files.length, "file")), el("span", {}, bytes(size))] : []));
  }

  #row(file) {
    const name = nameOf(file.key);
    const download = iconButton("down", { short: "Download", full: `Download ${name}` }, () => this.ondownload(file));
    const remove = iconButton("trash", { short: "Delete", full: `Delete ${name}` }, () => this.#remove(file, name, row, actions));
    remove.classList.add("danger");
    const actions = el("div", { class: "actions" }, download, remove);
    const row = el(
      "li",
      { class: "file", "data-name": name, "data-key": file.key },
      nameLine("p", name),
      el("p", { class: "meta figures" }, el("span", {}, bytes(file.size)), el("time", { datetime: file.lastModified.toISOString(), title: date(file.lastModified) }, ago(file.lastModified))),
      actions,
    );
    return row;
  }

  async #remove(file, name, row, actions) {
    if (!(await confirmIn(actions, { question: "Delete for good?", yes: "Delete", no: "Keep" }))) return;
    row.dataset.state = "removing";
    try {
      await this.#client.remove(file.key);
      removeRow(row, title);
      this.#rows.delete(file.key);
      announce(`${name} is deleted`);
      await this.refresh();
    } catch (error) {
      delete row.dataset.state;
      complain(row, error);
    }
  }
}
