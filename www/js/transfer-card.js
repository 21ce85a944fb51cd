// One transfer as a card: what it does in words and figures, its bar, its parts, and the buttons that steer it.

import { announce, el, icon, iconButton, relabel } from "./dom.js";
import { bytes, duration, nameOf, speed } from "./format.js";
import { PartMap } from "./part-map.js";
import { copyReport, saveReport } from "./report.js";
import { nameLine } from "./rows.js";
import { ruleToCopy } from "./rule.js";
import { saveLinks } from "./save.js";
import { placeOf } from "./targets.js";
import { integrityWords, mapWords, retryWords, stateWords, trouble } from "./words.js";

/** Figures that change faster than this can't be read. */
const READABLE_MS = 250;
const MOVING = new Set(["starting", "active", "completing"]);
const OVER = new Set(["done", "failed", "aborted"]);

export class TransferCard {
  /**
   * `start` begins the transfer, and is called again for each retry; `again(state)` tells whether there can be one.
   * `before` gives the bytes that are known to be there already. `to` is a file where it goes; a Blob is saved, unless `saves` is
   * false: then that is left to the visitor.
   */
  constructor({ kind, name, size, to, saves = true, start, again = () => true, before, onchange, onstate, ondone, ondismiss }) {
    Object.assign(this, { kind, name, size, to, saves, start, again, before, onchange, onstate, ondone, ondismiss });
    this.state = "starting";
    this.progress = { loaded: 0, total: size, bytesPerSecond: 0, secondsLeft: undefined };
    this.#build();
    this.#run();
  }

  #transfer;
  #map;
  #known = 0;
  /** Where it has gone on from; nothing while that is not known. */
  #from;
  #spent = 0;
  #movingSince;
  #frame = 0;
  #figuresAt = 0;
  #figuresTimer;

  get isMoving() {
    return MOVING.has(this.state);
  }

  get isOver() {
    return OVER.has(this.state);
  }

  /** Whoever pressed something else to begin this is led to its buttons. */
  focus() {
    this.primary.focus();
  }

  dismiss() {
    this.#map?.remove();
    clearTimeout(this.#figuresTimer);
    cancelAnimationFrame(this.#frame);
    this.links?.release();
    this.element.remove();
    this.ondismiss(this);
  }

  #build() {
    this.word = el("b", { class: "word" });
    this.figures = el("span", { class: "figures" });
    this.percent = el("span", { class: "percent", "aria-hidden": "true" });
    this.fill = el("span", { class: "bar-fill" });
    this.bar = el("div", { class: "bar", role: "progressbar", "aria-label": this.name, "aria-valuemin": "0", "aria-valuemax": "100" }, this.fill);
    this.canvas = el("canvas", { role: "img" });
    this.caption = el("figcaption", { class: "map-words" });
    this.figure = el("figure", { class: "map", hidden: true }, el("div", { class: "map-sheet" }, this.canvas), this.caption);
    this.note = el("p", { class: "note", hidden: true });
    this.trouble = el("div", { class: "trouble", hidden: true });
    this.extras = el("div", { class: "extras", hidden: true });
    this.timeline = iconButton("timeline", { short: "Save the timeline", full: `Timeline of ${this.name}` }, () => saveReport(this.#report()));
    this.timeline.classList.add("timeline");
    this.primary = iconButton("pause", { short: "Pause", full: `Pause ${this.name}` }, () => this.#steer());
    this.secondary = iconButton("close", { short: "Cancel", full: `Cancel ${this.name}` }, () => this.#leave());
    this.badge = el("span", { class: "badge" }, icon(this.kind === "upload" ? "up" : "down"));
    this.element = el(
      "li",
      { class: "card", "data-kind": this.kind, "data-name": this.name },
      el(
        "div",
        { class: "card-head" },
        this.badge,
        nameLine("h3", this.name),
        el("p", { class: "meta" }, this.word, this.figures),
        this.percent,
        this.timeline,
        el("div", { class: "actions" }, this.primary, this.secondary),
      ),
      this.bar,
      this.figure,
      this.note,
      this.trouble,
      this.extras,
    );
  }

  #run() {
    this.trouble.hidden = true;
    this.error = undefined;
    this.#known = this.before?.() ?? 0;
    this.#from = undefined;
    this.#spent = 0;
    this.#movingSince = undefined;
    this.progress = { loaded: 0, total: this.size, bytesPerSecond: 0, secondsLeft: undefined };
    this.#map?.remove();
    this.#map = new PartMap(this.canvas);
    this.figure.hidden = true;
    this.#transfer = this.start();
    this.#show("starting");
    this.#settle(this.#transfer, this.#watch(this.#transfer));
  }

  async #watch(transfer) {
    try {
      for await (const event of transfer) {
        if (transfer !== this.#transfer) return;
        this.#hear(event);
      }
    } catch {
      // How it ended is told by the transfer itself, below.
    }
  }

  /** Its last event comes after its outcome is known, so that is waited for. */
  async #settle(transfer, watched) {
    try {
      const result = await transfer;
      await watched;
      this.progress = { ...this.progress, loaded: result.size, total: result.size };
      this.integrity = result.integrity;
      if (result.blob) this.#offer(result.blob, nameOf(result.filename ?? result.key));
      else if (this.kind !== "upload") await this.#tellPlace();
      this.#show("done");
      this.ondone(result);
    } catch (error) {
      await watched;
      const aborted = error?.name === "AbortError";
      if (!aborted) this.#explain(error);
      this.#show(aborted ? "aborted" : "failed");
    }
  }

  #hear(event) {
    if (event.type === "progress") {
      this.progress = event;
      if (event.loaded > 0) this.#beginFrom(Math.min(this.#known, event.loaded));
      this.#draw();
    } else if (event.type === "part") {
      this.#map.set(event);
      this.#draw();
    } else if (event.type === "retry") {
      this.note.textContent = retryWords(event);
      this.note.hidden = false;
    } else if (event.type === "state" && !OVER.has(event.state)) {
      this.#show(event.state);
    }
  }

  #beginFrom(loaded) {
    if (this.#from !== undefined) return;
    this.#from = loaded;
    this.word.textContent = this.#words();
    this.#writeFigures();
  }

  #steer() {
    if (this.isOver) {
      if (this.state === "done") this.links.save();
      else this.#run();
    } else if (this.state === "paused") {
      this.#transfer.resume();
    } else {
      this.#transfer.pause();
    }
  }

  async #leave() {
    if (this.isOver) return this.dismiss();
    this.secondary.disabled = true;
    this.word.textContent = "Cancelling";
    try {
      await this.#transfer.abort();
    } finally {
      this.secondary.disabled = false;
    }
  }

  #show(state) {
    this.state = state;
    this.element.dataset.state = state;
    if (MOVING.has(state)) this.#movingSince ??= performance.now();
    else this.#stopWatch();
    if (state !== "active") this.note.hidden = true;
    this.word.textContent = this.#words();
    this.badge.querySelector("use").setAttribute("href", `#i-${this.#badgeIcon()}`);
    this.#relabelButtons();
    this.#writeFigures();
    this.#draw();
    if (state !== "active" && state !== "starting") announce(`${this.name}: ${this.#words()}`);
    this.onchange(this);
    this.onstate(this);
  }

  #words() {
    return stateWords(this.state, this.kind, this.#from > 0);
  }

  #badgeIcon() {
    return { done: "check", failed: "alert", aborted: "close" }[this.state] ?? (this.kind === "upload" ? "up" : "down");
  }

  #relabelButtons() {
    const label = (short) => ({ short, full: `${short} ${this.name}` });
    if (this.state === "done") relabel(this.primary, "save", label("Save"));
    else if (this.isOver) relabel(this.primary, "retry", label("Retry"));
    else if (this.state === "paused") relabel(this.primary, "resume", label("Resume"));
    else relabel(this.primary, "pause", label("Pause"));
    relabel(this.secondary, "close", label(this.isOver ? "Dismiss" : "Cancel"));
    const needless = this.state === "completing" || (this.state === "done" ? !this.links : this.isOver && !this.again(this.state));
    // Whoever stands on a button that goes away is led to its neighbour.
    if (needless && document.activeElement === this.primary) this.secondary.focus();
    this.primary.hidden = needless;
  }

  #stopWatch() {
    if (this.#movingSince !== undefined) this.#spent += performance.now() - this.#movingSince;
    this.#movingSince = undefined;
  }

  #draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawBar();
      const wait = this.#figuresAt + READABLE_MS - performance.now();
      if (wait <= 0) this.#writeFigures();
      else this.#figuresTimer ??= setTimeout(() => this.#writeFigures(), wait);
    });
  }

  #drawBar() {
    const { loaded, total } = this.progress;
    const share = this.state === "done" ? 1 : total > 0 ? loaded / total : 0;
    const percent = Math.floor(share * 100);
    this.fill.style.transform = `scaleX(${share})`;
    if (this.bar.getAttribute("aria-valuenow") !== String(percent)) {
      this.bar.setAttribute("aria-valuenow", String(percent));
      this.bar.setAttribute("aria-valuetext", `${percent} %, ${bytes(loaded)} of ${bytes(total)}`);
      this.percent.textContent = `${percent}\u202f%`;
    }
    this.bar.dataset.loaded = String(loaded);
  }

  #writeFigures() {
    clearTimeout(this.#figuresTimer);
    this.#figuresTimer = undefined;
    this.#figuresAt = performance.now();
    this.figures.replaceChildren(...this.#figureWords().map((words) => el("span", {}, words)));
    if (this.#map.length > 1) {
      const words = mapWords(this.#map.counts, this.kind === "upload" ? "part" : "range");
      this.caption.textContent = words;
      this.canvas.setAttribute("aria-label", words);
    }
    const shown = this.#map.length > 1 && this.state !== "done" && this.state !== "aborted";
    if (this.figure.hidden === shown) this.figure.hidden = !shown;
    if (this.#map.counts.resting === 0) this.note.hidden = this.note.hidden || this.#map.counts.active > 0;
    this.onchange(this);
  }

  #figureWords() {
    const { loaded, total, bytesPerSecond, secondsLeft } = this.progress;
    const seconds = this.#spent / 1000;
    if (this.state === "done") {
      const moved = total - (this.#from ?? 0);
      if (seconds === 0 || moved === 0) return [bytes(total), ...integrityWords(this.integrity)];
      const what = moved < total ? [bytes(total), `the last ${bytes(moved)} in ${duration(seconds)}`] : [`${bytes(total)} in ${duration(seconds)}`];
      return [...what, `${speed(moved / seconds)} on average`, ...integrityWords(this.integrity)];
    }
    if (this.state === "starting" || this.state === "aborted") return [bytes(total)];
    const words = [`${bytes(loaded)} of ${bytes(total)}`];
    if (this.state === "active" && bytesPerSecond > 0) {
      words.push(speed(bytesPerSecond));
      if (secondsLeft !== undefined && loaded < total) words.push(`${duration(secondsLeft)} left`);
    }
    return words;
  }

  #explain(error) {
    this.error = error;
    this.#map.halt();
    this.progress = { ...this.progress, loaded: this.#map.stored };
    const { title, advice, detail, rule } = trouble(error);
    const [box, copyRule] = rule ? ruleToCopy(rule) : [];
    const copies = el("div", { class: "copies" }, copyRule, copyReport(() => this.#report()));
    this.trouble.replaceChildren(el("p", { class: "trouble-title" }, title), el("p", {}, advice), el("code", {}, detail), ...(box ? [box] : []), copies);
    this.trouble.dataset.code = error?.code ?? error?.name;
    this.trouble.hidden = false;
    announce(`${this.name}: ${title}. ${advice}`);
  }

  #report() {
    return { transfer: this.#transfer, kind: this.kind, name: this.name, size: this.size, error: this.error };
  }

  #offer(blob, name, ...words) {
    this.links?.release();
    this.links = saveLinks(blob, name);
    this.extras.replaceChildren(...words, ...this.links.elements);
    this.extras.hidden = this.extras.childElementCount === 0;
    if (this.saves && words.length === 0) this.links.save();
  }

  /** It is in a file already, which the browser's own files can be copied out of. */
  async #tellPlace() {
    const { words, file } = await placeOf(this.to);
    const line = el("p", { class: "place" }, words);
    if (file) return this.#offer(file, this.name, line);
    this.extras.replaceChildren(line);
    this.extras.hidden = false;
  }
}
