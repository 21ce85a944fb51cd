// All transfers of this page: begins them, lists their cards, and sums them up.

import { el } from "./dom.js";
import { bytes, count, duration, nameOf, speed } from "./format.js";
import { chosenTarget, isPicked, pickFile } from "./targets.js";
import { TransferCard } from "./transfer-card.js";
import { ZipTransfer } from "./zip-transfer.js";

const list = document.getElementById("cards");
const nothing = document.getElementById("no-transfers");
const summary = document.getElementById("summary");
const clear = document.getElementById("clear");
const title = document.getElementById("transfers-title");

/** Not over, yet not moving. */
const RESTING = [["paused", "paused"], ["offline", "waiting for the network"]];

/** Up to these sizes nothing is remembered of a transfer: it is done with a request or two. The SDK's own bounds. */
const SMALL = { upload: 8 << 20, download: 16 << 20, zip: Infinity };

export class Transfers {
  #client;
  #cards = new Set();
  #frame = 0;

  /**
   * `onstored` is called when the bucket has got another file, `onstate` when any transfer has got on; `before(what)` tells
   * how much of `{ kind, name, size }` is known to be there already.
   */
  constructor(client, { onstored, onstate, before }) {
    this.#client = client;
    Object.assign(this, { onstored, onstate, before });
    clear.addEventListener("click", () => this.#clear());
    addEventListener("beforeunload", (event) => {
      if ([...this.#cards].some(leavesNoTrace)) event.preventDefault();
    });
    this.#sum();
  }

  /** `picked` is a list of `{ file, handle? }`. */
  upload(picked) {
    const begun = this.#begin(picked);
    const cards = picked.map(({ file, handle }, index) =>
      this.#card({
        kind: "upload",
        name: file.name || "unnamed",
        size: file.size,
        start: () => {
          const first = begun[index];
          begun[index] = undefined;
          return first ?? this.#client.upload(file, { handle });
        },
        ondone: this.onstored,
      }),
    );
    this.#list(...cards);
  }

  /** Where the visitor wants it. A picked file is asked for first: that needs a fresh click. */
  async download({ key, size }) {
    const name = nameOf(key);
    const to = await chosenTarget(name);
    if (to === undefined) return;
    const start = () => this.#client.download(key, { to });
    this.#reveal(this.#card({ kind: "download", name, size, to, start, ondone: () => {} }));
  }

  /** Its download is a card like any other; what is returned is what an element plays. */
  async play({ key, size }) {
    const media = await this.#client.media(key, { worker: "/media-worker.js" });
    let played = media.download;
    const start = () => {
      const first = played;
      played = undefined;
      // What has ended can't be played on: a retry goes on with what was fetched, as a download alone.
      return first ?? this.#client.download(key);
    };
    this.#list(this.#card({ kind: "download", name: nameOf(key), size, start, saves: false, ondone: () => {} }));
    return media;
  }

  /** Several stored files, `{ key, name, size }`, as one. */
  async zip(files) {
    const name = files.length === 1 ? `${files[0].name}.zip` : `${files.length} files.zip`;
    const to = isPicked() ? await pickFile(name) : undefined;
    if (isPicked() && !to) return;
    const size = files.reduce((sum, { size }) => sum + size, 0);
    const start = () => new ZipTransfer(this.#client, files, name, to);
    this.#reveal(this.#card({ kind: "zip", name, size, to, start, ondone: () => {} }));
  }

  /** Goes on with what was cut off. */
  goOn(saved, name) {
    const card = this.#card({
      kind: saved.kind,
      name,
      size: saved.total,
      to: saved.to,
      start: () => saved.resume(),
      // A cancelled upload is forgotten, and its file with it.
      again: (state) => saved.kind === "download" || state !== "aborted",
      ondone: saved.kind === "upload" ? this.onstored : () => {},
    });
    this.#reveal(card);
    card.focus();
  }

  /** Whether a card stands for it, be it that it moves or that it has failed. */
  hold({ kind, name, size }) {
    return [...this.#cards].some((card) => card.kind === kind && card.name === name && card.size === size && !["done", "aborted"].includes(card.state));
  }

  #begin(picked) {
    // A handle belongs to one file, so those that have one go by themselves. The client's limit is over all of them anyway.
    const together = picked.length > 1 && !picked.some(({ handle }) => handle);
    if (together) return [...this.#client.uploadAll(picked.map(({ file }) => file)).uploads];
    return picked.map(({ file, handle }) => this.#client.upload(file, { handle }));
  }

  #card(options) {
    const { kind, name, size } = options;
    const card = new TransferCard({
      ...options,
      before: () => this.before({ kind, name, size }),
      onchange: () => this.#sumSoon(),
      onstate: () => this.onstate(),
      ondismiss: (gone) => this.#dismissed(gone),
    });
    this.#cards.add(card);
    return card;
  }

  #list(...cards) {
    list.prepend(...cards.map((card) => card.element));
    this.#sum();
  }

  #reveal(card) {
    this.#list(card);
    card.element.scrollIntoView({ block: "nearest" });
  }

  #dismissed(card) {
    this.#cards.delete(card);
    if (document.activeElement === document.body) title.focus();
    this.#sum();
    this.onstate();
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
    nothing.hidden = cards.length > 0;
    clear.hidden = !cards.some((card) => card.isOver);
    const moving = cards.filter((card) => card.isMoving);
    const total = (pick) => moving.reduce((sum, card) => sum + pick(card.progress), 0);
    const [left, rate] = [total((of) => of.total - of.loaded), total((of) => of.bytesPerSecond)];
    const words = moving.length > 0 ? [`${count(moving.length, "file")} under way`, `${bytes(left)} to go`] : [];
    // One alone has them on its card.
    if (rate > 0 && moving.length > 1) words.push(speed(rate), `${duration(left / rate)} left`);
    for (const [state, what] of RESTING) {
      const resting = cards.filter((card) => card.state === state).length;
      if (resting > 0) words.push(`${resting} ${what}`);
    }
    summary.replaceChildren(...words.map((word) => el("span", {}, word)));
  }
}

/** A page that is left forgets these; all others can go on. */
function leavesNoTrace({ state, isOver, kind, size }) {
  return !isOver && (state === "starting" || size <= SMALL[kind]);
}
