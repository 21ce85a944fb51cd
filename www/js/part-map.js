// The picture of a transfer's parts: squares of a sheet of squared paper that fill with ink. A canvas, so that ten
// thousand parts cost no more than ten; beyond what fits, one square stands for several parts.

const PITCHES = [22, 18, 15, 12, 10, 8];
const MOST_ROWS = 6;
const COLOURS = ["--map-grid", "--map-edge", "--ink-blue", "--map-fill", "--amber", "--amber-soft"];

const maps = new Set();
let colours;

export class PartMap {
  #canvas;
  #parts = [];
  #counts = { waiting: 0, active: 0, resting: 0, done: 0 };
  #width = 0;
  #frame = 0;
  #observer = new ResizeObserver(([entry]) => this.#resize(entry.contentRect.width));

  constructor(canvas) {
    this.#canvas = canvas;
    this.#observer.observe(canvas.parentElement);
    maps.add(this);
  }

  /** How many parts are in which state. */
  get counts() {
    return this.#counts;
  }

  /** Bytes in parts that are done. */
  get stored() {
    return this.#parts.reduce((sum, { state, size }) => sum + (state === "done" ? size : 0), 0);
  }

  get length() {
    return this.#parts.length;
  }

  set({ part, parts, state, loaded, size }) {
    if (this.#parts.length !== parts) {
      this.#parts = Array.from({ length: parts }, () => ({ state: "waiting", fill: 0, size: 0 }));
      this.#counts = { waiting: parts, active: 0, resting: 0, done: 0 };
    }
    const known = this.#parts[part - 1];
    if (!known) return;
    this.#counts[known.state] -= 1;
    this.#counts[state] += 1;
    known.state = state;
    known.size = size;
    known.fill = size > 0 ? loaded / size : state === "done" ? 1 : 0;
    this.draw();
  }

  /** Nothing moves any more: what was not done by then is not there. */
  halt() {
    for (const part of this.#parts.filter(({ state }) => state !== "done")) Object.assign(part, { state: "waiting", fill: 0 });
    const { done } = this.#counts;
    this.#counts = { waiting: this.#parts.length - done, active: 0, resting: 0, done };
    this.draw();
  }

  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  remove() {
    cancelAnimationFrame(this.#frame);
    this.#observer.disconnect();
    maps.delete(this);
  }

  #resize(width) {
    if (width === this.#width) return;
    this.#width = width;
    this.draw();
  }

  /** The largest squares with which the parts need few rows; with the smallest, a square takes several parts. */
  #layout() {
    for (const pitch of PITCHES) {
      const columns = Math.max(1, Math.floor(this.#width / pitch));
      const rows = Math.ceil(this.#parts.length / columns);
      if (rows <= MOST_ROWS || pitch === PITCHES.at(-1)) {
        const each = Math.ceil(this.#parts.length / (columns * MOST_ROWS));
        const squares = Math.ceil(this.#parts.length / each);
        return { pitch: this.#width / columns, columns, squares, each, rows: Math.ceil(squares / columns) };
      }
    }
  }

  #paint() {
    if (this.#width === 0 || this.#parts.length === 0) return;
    colours ??= readColours();
    const { pitch, columns, squares, each, rows } = this.#layout();
    const scale = Math.max(1, devicePixelRatio);
    const height = Math.ceil(rows * pitch) + 1;
    const [wide, high] = [Math.round(this.#width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== wide || this.#canvas.height !== high) {
      this.#canvas.width = wide;
      this.#canvas.height = high;
      this.#canvas.style.height = `${height}px`;
    }
    const pen = this.#canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, this.#width, height);
    const gap = pitch < 11 ? 1 : 2;
    for (let index = 0; index < rows * columns; index += 1) {
      const left = (index % columns) * pitch + gap / 2;
      const top = Math.floor(index / columns) * pitch + gap / 2;
      const side = pitch - gap;
      if (index < squares) this.#square(pen, left, top, side, this.#sum(index * each, each));
      else outline(pen, left, top, side, colours["--map-grid"]);
    }
  }

  /** Several parts as one: the state that is most worth knowing, and the mean fill. */
  #sum(from, length) {
    const parts = this.#parts.slice(from, from + length);
    const has = (state) => parts.some((part) => part.state === state);
    const done = parts.every((part) => part.state === "done");
    const state = done ? "done" : has("resting") ? "resting" : has("active") ? "active" : "waiting";
    return { state, fill: parts.reduce((sum, part) => sum + part.fill, 0) / parts.length };
  }

  #square(pen, left, top, side, { state, fill }) {
    if (state === "done") {
      pen.fillStyle = colours["--ink-blue"];
      pen.fillRect(left, top, side, side);
      return;
    }
    const level = Math.min(1, fill) * side;
    pen.fillStyle = state === "resting" ? colours["--amber-soft"] : colours["--map-fill"];
    if (state === "resting") pen.fillRect(left, top, side, side);
    pen.fillRect(left, top + side - level, side, level);
    const edge = { waiting: "--map-edge", active: "--ink-blue", resting: "--amber" }[state];
    outline(pen, left, top, side, colours[edge]);
    if (state === "resting") twoBars(pen, left, top, side);
  }
}

/** A pause sign, so that resting is not told by colour alone. */
function twoBars(pen, left, top, side) {
  const [width, height] = [Math.max(1, side * 0.14), side * 0.44];
  pen.fillStyle = colours["--amber"];
  pen.fillRect(left + side * 0.3, top + side * 0.28, width, height);
  pen.fillRect(left + side * 0.7 - width, top + side * 0.28, width, height);
}

function outline(pen, left, top, side, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.strokeRect(left + 0.5, top + 0.5, side - 1, side - 1);
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(name).trim()]));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  colours = undefined;
  for (const map of maps) map.draw();
});
