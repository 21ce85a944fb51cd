/** Entries kept of a transfer's beginning and of its latest past. */
const FIRST = 200;
const LAST = 1_800;

/** What has happened to one transfer, bounded. */
export class Timeline {
  #first = [];
  #last = [];

  add(entry) {
    if (this.#first.length < FIRST) this.#first.push(entry);
    else if (this.#last.push(entry) > 2 * LAST) this.#last.splice(0, LAST);
  }

  entries() {
    return [...this.#first, ...this.#last.slice(-LAST)];
  }
}
