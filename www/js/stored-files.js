// What the bucket holds for this visitor: to be played or shown, downloaded, deleted, or picked to be saved together.

import { coalesce } from "./coalesce.js";
import { confirmIn } from "./confirm.js";
import { announce, el, iconButton, relabel } from "./dom.js";
import { ago, bytes, count, date, nameOf } from "./format.js";
import { arrange, complain, nameLine, removeRow, say } from "./rows.js";
import { elementFor, screenOf, switchOff } from "./viewer.js";
import { trouble } from "./words.js";

const list = document.getElementById("files");
const nothing = document.getElementById("no-files");
const summary = document.getElementById("stored-summary");
const title = document.getElementById("stored-title");
const target = document.getElementById("target-label");
const picks = document.getElementById("picks");
const picksWords = document.getElementById("picks-words");
const zip = document.getElementById("zip");
const unpick = document.getElementById("unpick");

export class StoredFiles {
  #client;
  #rows = new Map();

  /** Asks the server anew. */
  refresh = coalesce(() => this.#ask());

  /**
   * `ondownload(file)` starts one, `onplay(file)` one that resolves to what is played, `onzip(files)` all that are picked;
   * `onreach(error?)` tells whether the server answered.
   */
  constructor(client, { ondownload, onplay, onzip, onreach }) {
    this.#client = client;
    Object.assign(this, { ondownload, onplay, onzip, onreach });
    zip.addEventListener("click", () => onzip(this.#picked()).catch((error) => (picksWords.textContent = trouble(error).title)));
    unpick.addEventListener("click", () => {
      for (const box of list.querySelectorAll(".pick input")) box.checked = false;
      this.#tellPicks();
      title.focus();
    });
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
    for (const [key, row] of this.#rows) if (!rows.has(key)) row.stop?.();
    arrange(list, [...rows.values()]);
    this.#rows = rows;
    nothing.hidden = files.length > 0;
    target.hidden = files.length === 0;
    this.#tellPicks();
    const size = files.reduce((sum, file) => sum + file.size, 0);
    summary.replaceChildren(...(files.length > 0 ? [el("span", {}, count(files.length, "file")), el("span", {}, bytes(size))] : []));
  }

  #row(file) {
    const name = nameOf(file.key);
    const download = iconButton("down", { short: "Download", full: `Download ${name}` }, () => this.ondownload(file).catch((error) => complain(row, error)));
    const remove = iconButton("trash", { short: "Delete", full: `Delete ${name}` }, () => this.#remove(file, name, row, actions));
    remove.classList.add("danger");
    const kind = elementFor(name);
    const words = kind === "img" ? ["Show", "show"] : ["Play", "resume"];
    const play = kind && iconButton(words[1], { short: words[0], full: `${words[0]} ${name}` }, () => this.#play(file, kind, name, row, play, words));
    const actions = el("div", { class: "actions" }, play, download, remove);
    const box = el("input", { type: "checkbox", "aria-label": `Pick ${name}`, onchange: () => this.#tellPicks() });
    const row = el(
      "li",
      { class: "file", "data-name": name, "data-key": file.key, "data-size": String(file.size) },
      el("label", { class: "pick" }, box),
      nameLine("p", name),
      el("p", { class: "meta figures" }, el("span", {}, bytes(file.size)), el("time", { datetime: file.lastModified.toISOString(), title: date(file.lastModified) }, ago(file.lastModified))),
      actions,
    );
    return row;
  }

  #picked() {
    const rows = [...list.querySelectorAll(".file:has(.pick input:checked)")];
    return rows.map(({ dataset: { key, name, size } }) => ({ key, name, size: Number(size) }));
  }

  #tellPicks() {
    const picked = this.#picked();
    picks.hidden = picked.length === 0;
    picksWords.textContent = `${count(picked.length, "file")} picked, ${bytes(picked.reduce((sum, { size }) => sum + size, 0))}`;
  }

  /** Plays or shows it in its row, or no longer. */
  async #play(file, kind, name, row, button, [words, symbol]) {
    if (row.stop) return row.stop();
    row.querySelector(".row-trouble")?.remove();
    button.disabled = true;
    try {
      const media = await this.onplay(file);
      const screen = screenOf(kind, media, name, (words) => say(row, words));
      row.stop = () => {
        row.stop = undefined;
        switchOff(screen);
        media.close();
        relabel(button, symbol, { short: words, full: `${words} ${name}` });
      };
      row.append(screen);
      relabel(button, "close", { short: "Close", full: `Close ${name}` });
    } catch (error) {
      complain(row, error);
    }
    button.disabled = false;
    button.focus();
  }

  async #remove(file, name, row, actions) {
    if (!(await confirmIn(actions, { question: "Delete for good?", yes: "Delete", no: "Keep" }))) return;
    row.dataset.state = "removing";
    try {
      await this.#client.remove(file.key);
      row.stop?.();
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
