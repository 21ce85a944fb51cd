// All transfers of this page: begins them, lists their cards, and sums them up.

import { el } from "./dom.js";
import { bytes, count, duration, nameOf, speed } from "./format.js";
import { TransferCard } from "./transfer-card.js";

const list = document.getElementById("cards");
const nothing = document.getElementById("no-transfers");
const summary = document.getElementById("summary");
const clear = document.getElementById("clear");
const title = document.getElementById("transfers-title");

export class Transfers {
  #client;
  #cards = new Set();
  #frame = 0;

  /** `onstored` is called when the bucket has got another file. */
  constructor(client, onstored) {
    this.#client = client;
    this.onstored = onstored;
    clear.addEventListener("click", () => this.#clear());
    // Leaving now would cut off what is moving.
    addEventListener("beforeunload", (event) => {
      if ([...this.#cards].some((card) => !card.isOver)) event.preventDefault();
    });
    this.#sum();
  }

  upload(files) {
    const uploads = files.length > 1 ? this.#client.uploadAll(files).uploads : [this.#client.upload(files[0])];
    const cards = files.map((file, index) => {
      let transfer = uploads[index];
      return this.#card({
        kind: "upload",
        name: file.name || "unnamed",
        size: file.size,
        start: () => {
          const first = transfer;
          transfer = undefined;
          return first ?? this.#client.upload(file);
        },
        ondone: this.onstored,
      });
    });
    list.prepend(...cards.map((card) => card.element));
    this.#sum();
  }

  download({ key, size }) {
    const card = this.#card({
      kind: "download",
      name: nameOf(key),
      size,
      start: () => this.#client.download(key),
      ondone: () => {},
    });
    list.prepend(card.element);
    this.#sum();
    card.element.scrollIntoView({ block: "nearest" });
  }

  #card(options) {
    const card = new TransferCard({
      ...options,
      onchange: () => this.#sumSoon(),
      ondismiss: (gone) => this.#dismissed(gone),
    });
    this.#cards.add(card);
    return card;
  }

  #dismissed(card) {
    this.#cards.delete(card);
    if (document.activeElement === document.body) title.focus();
    this.#sum();
  }

  #clear() {
    for (const card of [...this.#cards].filter((card) => card.isOver)) card.dismiss();
    title.focus();
  }

  #sumSoon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#sum();
    });
  }

  #sum() {
    const cards = [...this.#cards];
    const moving = cards.filter((card) => !card.isOver);
    nothing.hidden = cards.length > 0;
    clear.hidden = moving.length === cards.length;
    const total = (pick) => moving.reduce((sum, card) => sum + pick(card.progress), 0);
    const [left, rate] = [total((of) => of.total - of.loaded), total((of) => of.bytesPerSecond)];
    const words = moving.length === 0 ? [] : [`${count(moving.length, "file")} under way`, `${bytes(left)} to go`];
    if (rate > 0 && moving.length > 1) words.push(speed(rate), `${duration(left / rate)} left`);
    summary.replaceChildren(...words.map((word) => el("span", {}, word)));
  }
}
