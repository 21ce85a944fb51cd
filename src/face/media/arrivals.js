/** What of a download is there already, for whoever reads it before its end. */
export class Arrivals {
  /** Stretches in order, `[start, end]`, none of which touches another. */
  #there = [];
  #waiting = [];
  #over = false;
  /** `{ size, type }`, as storage told them first. */
  facts;

  open(size, type) {
    this.facts ??= { size, type };
    this.#wake();
  }

  add(start, bytes) {
    let end = start + bytes;
    const touching = this.#there.filter(([own, until]) => own <= end && start <= until);
    for (const [own, until] of touching) [start, end] = [Math.min(start, own), Math.max(end, until)];
    const others = this.#there.filter((stretch) => !touching.includes(stretch));
    this.#there = [...others, [start, end]];
    this.#wake();
  }

  clear() {
    this.#there = [];
  }

  /** Whoever waits has waited long enough. */
  end() {
    this.#over = true;
    this.#wake();
  }

  /** Up to where there are bytes from this offset on, where there are any. */
  endOf(at) {
    return this.#there.find(([start, end]) => start <= at && at < end)?.[1];
  }

  /** The next news; false at the end. */
  async change() {
    if (!this.#over) await new Promise((resolve) => this.#waiting.push(resolve));
    return !this.#over;
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
