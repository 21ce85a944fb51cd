import { Feed } from "./feed.js";
import { Timeline } from "./timeline.js";

/** What the application said, or what `AbortController` says by default. */
function abortError(reason, signal) {
  return reason ?? signal?.reason ?? new DOMException("The transfer was aborted.", "AbortError");
}

const nothingOf = (total) => ({ loaded: 0, total, bytesPerSecond: 0, secondsLeft: undefined });

/** A running transfer: await it, iterate it, steer it. */
export class Transfer {
  #started;
  #number;
  #feed;
  #state = "starting";
  #total;
  #progress;
  #reason;
  #ending = new AbortController();
  #timeline = new Timeline();

  /** `total` is asked only where somebody wants to know it before the WebAssembly side has said it. `start` gets the session, what the WebAssembly side reports to, and a signal that is aborted with the transfer. */
  constructor(session, number, total, options, start) {
    const { signal, onProgress, onPart } = options ?? {};
    this.id = `transfer-${number}`;
    this.#number = number;
    this.#feed = new Feed({ progress: onProgress, part: onPart });
    this.#total = total;
    const fail = (error) => {
      this.#state = "failed";
      this.#feed.reject(error);
    };
    const observer = {
      id: this.id,
      events: (events) => events.forEach((event) => this.#heard(event)),
      log: (entry) => this.#timeline.add(entry),
      done: (result) => this.#feed.resolve(result),
      failed: fail,
      aborted: () => {
        this.#state = "aborted";
        this.#feed.reject(abortError(this.#reason, signal));
      },
    };
    this.#started = session.then(async (session) => {
      await start(session, observer, this.#ending.signal);
      return session;
    });
    this.#started.catch(fail);
  }

  get state() {
    return this.#state;
  }

  get progress() {
    this.#progress ??= nothingOf(this.#total());
    return this.#progress;
  }

  pause() {
    this.#steer((session) => session.pause(this.#number));
  }

  resume() {
    this.#steer((session) => session.resume(this.#number));
  }

  async abort(reason, { keep = false } = {}) {
    if (this.#feed.ended) return;
    this.#reason = reason;
    this.#ending.abort();
    this.#steer((session) => session.abort(this.#number, keep));
    await this.#feed.settled();
  }

  explain() {
    return this.#timeline.entries();
  }

  then(done, failed) {
    return this.#feed.promise.then(done, failed);
  }

  catch(failed) {
    return this.#feed.promise.catch(failed);
  }

  finally(ended) {
    return this.#feed.promise.finally(ended);
  }

  [Symbol.asyncIterator]() {
    return this.#feed.events();
  }

  #heard(event) {
    if (event.type === "state") this.#state = event.state;
    if (event.type === "progress") {
      const { type, ...progress } = event;
      this.#progress = progress;
    }
    this.#feed.emit(event);
  }

  #steer(post) {
    // Where it has not started, it has failed already.
    this.#started.then(post).catch(() => {});
  }
}

/** Many uploads as one transfer. */
export class Batch {
  #feed;
  #state = "starting";
  #progress;
  #aborting = false;

  constructor(number, total, uploads, files, onProgress) {
    this.id = `transfer-${number}`;
    this.uploads = uploads;
    this.#feed = new Feed({ progress: onProgress });
    this.announce(total);
    this.#collect(files);
  }

  /** So many bytes its files have. */
  announce(total) {
    this.#progress = nothingOf(total);
  }

  /** What the WebAssembly side reports the sums to. */
  get observer() {
    return {
      id: this.id,
      group: (progress) => {
        this.#progress = progress;
        if (this.#state === "starting") this.#become("active");
        this.#feed.emit({ type: "progress", ...progress });
      },
    };
  }

  get state() {
    return this.#state;
  }

  get progress() {
    return this.#progress;
  }

  pause() {
    this.uploads.forEach((upload) => upload.pause());
    if (!this.#feed.ended) this.#become("paused");
  }

  resume() {
    this.uploads.forEach((upload) => upload.resume());
    if (!this.#feed.ended) this.#become("active");
  }

  explain() {
    return this.uploads.flatMap((upload) => upload.explain()).sort((one, other) => one.time - other.time);
  }

  async abort(reason, options) {
    if (this.#feed.ended) return;
    this.#aborting = { reason };
    await Promise.all(this.uploads.map((upload) => upload.abort(reason, options)));
    await this.#feed.settled();
  }

  then(done, failed) {
    return this.#feed.promise.then(done, failed);
  }

  catch(failed) {
    return this.#feed.promise.catch(failed);
  }

  finally(ended) {
    return this.#feed.promise.finally(ended);
  }

  [Symbol.asyncIterator]() {
    return this.#feed.events();
  }

  async #collect(files) {
    const outcomes = await Promise.allSettled(this.uploads);
    if (this.#aborting) {
      this.#become("aborted");
      this.#feed.reject(abortError(this.#aborting.reason));
      return;
    }
    const done = outcomes.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
    const failed = outcomes.flatMap(({ reason, status }, index) =>
      status === "rejected" ? [{ file: files[index], error: reason }] : [],
    );
    this.#become("done");
    this.#feed.resolve({ done, failed });
  }

  #become(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#feed.emit({ type: "state", state });
  }
}
