// Several stored files as one ZIP, steered and watched like any other transfer.

export class ZipTransfer {
  #events = [];
  #wake = () => {};
  #paused = Promise.resolve();
  #goOn = () => {};
  #controller = new AbortController();
  #over = false;
  #promise;

  /** Into the file of `handle`, where there is one; else the result has a Blob. */
  constructor(client, files, name, handle) {
    const onProgress = (progress) => this.#tell({ type: "progress", ...progress });
    const stream = client.zip(files.map(({ key, name, lastModified, size }) => ({ key, name, lastModified, size })), { onProgress, signal: this.#controller.signal });
    this.#tell({ type: "state", state: "active" });
    this.#promise = this.#move(stream, name, handle).finally(() => {
      this.#over = true;
      this.#wake();
    });
  }

  pause() {
    this.#paused = new Promise((resolve) => (this.#goOn = resolve));
    this.#tell({ type: "state", state: "paused" });
  }

  resume() {
    this.#goOn();
    this.#tell({ type: "state", state: "active" });
  }

  async abort() {
    this.#controller.abort();
    this.#goOn();
    await this.#promise.catch(() => {});
  }

  explain() {
    return [];
  }

  then(done, failed) {
    return this.#promise.then(done, failed);
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#events.length > 0) yield this.#events.shift();
      if (this.#over) return;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  async #move(stream, name, handle) {
    let size = 0;
    // A stream that is not read fetches nothing more.
    const valve = new TransformStream(
      {
        transform: async (bytes, controller) => {
          await this.#paused;
          size += bytes.length;
          controller.enqueue(bytes);
        },
      },
      undefined,
      { highWaterMark: 0 },
    );
    const moving = stream.pipeThrough(valve);
    const blob = handle ? await moving.pipeTo(await handle.createWritable()) : await new Response(moving).blob();
    return { key: name, filename: name, size, blob };
  }

  #tell(event) {
    // Only the newest figures count.
    if (event.type === "progress") this.#events = this.#events.filter(({ type }) => type !== "progress");
    this.#events.push(event);
    this.#wake();
  }
}
