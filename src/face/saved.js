/** A transfer that was cut off, as this browser remembers it. */
export class SavedTransfer {
  #resume;
  #discard;

  constructor(record, resume, discard) {
    Object.assign(this, record);
    this.#resume = resume;
    this.#discard = discard;
  }

  resume(options) {
    return this.#resume(this, options);
  }

  discard() {
    return this.#discard();
  }
}
