/** Which bytes of a file there are: runs of them, each with its checksum, where there is one. */
export class Runs {
  /** By their starts: `[start, end, sum]`. */
  #all;
  #fresh = new Set();

  /** `lines` as a journal has them, from whoever wrote it: what makes no sense is left out. Of two that start alike, the later counts. */
  constructor(lines = [], size = Infinity) {
    const fits = ([start, end]) => Number.isSafeInteger(start) && start >= 0 && start < end && end <= size;
    this.#all = new Map(lines.filter((line) => Array.isArray(line) && fits(line)).map((line) => [line[0], line]));
  }

  all() {
    return [...this.#all.values()];
  }

  /** What of `at` to `end` is not there yet, from the front: the next stretch, or nothing. */
  missing(at, end) {
    let [from, to] = [at, end];
    for (let found; (found = this.all().find(([start, end]) => start <= from && from < end)); ) from = found[1];
    for (const [start] of this.#all.values()) if (start > from && start < to) to = start;
    return from < to ? [from, to] : undefined;
  }

  /** The same but for these stretches, and without checksums. */
  without(lost) {
    const cut = (runs, [from, to]) =>
      runs.flatMap(([start, end]) => [[start, Math.min(end, from)], [Math.max(start, to), end]].filter(([start, end]) => start < end));
    return new Runs(lost.reduce(cut, this.all()));
  }

  /** Bytes have come that were missing. `hash` brings the checksum of a run on by them. */
  add(start, end, hash) {
    const run = this.all().find((run) => run[1] === start) ?? [start, start];
    run[1] = end;
    run[2] = hash(run[2]);
    this.#all.set(run[0], run);
    this.#fresh.add(run);
  }

  /** What has changed since this was asked last. */
  fresh() {
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    return fresh;
  }
}
