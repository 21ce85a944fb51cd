// The demo page in the words of somebody who uses it.

import { sha256Of } from "./files.js";

export class Desk {
  constructor(page) {
    this.page = page;
  }

  /** Drops files from disk as a file manager would: through the browser's own drag and drop. */
  async drop(...files) {
    const zone = await this.page.locator("#drop").boundingBox();
    const [x, y] = [zone.x + zone.width / 2, zone.y + zone.height / 2];
    const devtools = await this.page.context().newCDPSession(this.page);
    const data = { items: [], files: files.map((file) => file.path), dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) await devtools.send("Input.dispatchDragEvent", { type, x, y, data });
    await devtools.detach();
  }

  async pick(...files) {
    await this.page.locator("#picker").setInputFiles(files.map((file) => file.path));
  }

  card(name, kind = "upload") {
    return new Card(this.page.locator(`.card[data-name="${name}"][data-kind="${kind}"]`).first());
  }

  /** What was cut off, in its list. */
  stub(name, kind = "upload") {
    return new Stub(this.page.locator(`.stub[data-name="${name}"][data-kind="${kind}"]`));
  }

  row(name) {
    return this.page.locator(`.file[data-name="${name}"]`);
  }

  /** Downloads a stored file by its button and returns the SHA-256 of what the browser saved, and under which name. */
  async save(name) {
    return this.saved(() => this.row(name).getByRole("button", { name: `Download ${name}` }).click());
  }

  /** What the browser saves on that. */
  async saved(act) {
    const [download] = await Promise.all([this.page.waitForEvent("download"), act()]);
    return { name: download.suggestedFilename(), sha256: await sha256Of(await download.path()) };
  }

  /** Keeps every figure that cards to come show from now on; call what it returns to read them. */
  async recordCards() {
    const figures = await this.page.locator("#cards").evaluateHandle((cards) => {
      const seen = [];
      const note = (records) => seen.push(...records.map(({ target }) => Number(target.dataset.loaded)));
      new MutationObserver(note).observe(cards, { subtree: true, attributeFilter: ["data-loaded"] });
      return seen;
    });
    return () => figures.jsonValue();
  }

  async fault(id, on = true) {
    await Promise.all([this.#answered("PUT"), this.page.locator(`#fault-${id}`).setChecked(on)]);
  }

  async heal() {
    await Promise.all([this.#answered("DELETE"), this.page.getByRole("button", { name: "Heal everything" }).click()]);
  }

  #answered(method) {
    return this.page.waitForResponse((answer) => answer.url().endsWith("/_faults") && answer.request().method() === method);
  }

  /** How often a fault has struck, as the panel shows it. */
  async hits(id) {
    const words = await this.page.locator(`label[for="fault-${id}"] .hits`).textContent();
    return Number.parseInt(words.replaceAll(",", ""), 10) || 0;
  }
}

class Card {
  constructor(locator) {
    this.locator = locator;
  }

  /** Waits for a state of the transfer; one that can no longer come is an error at once. */
  async reaches(state) {
    await this.locator.and(this.locator.page().locator(`[data-state="${state}"], [data-state="failed"]`)).waitFor();
    const now = await this.locator.getAttribute("data-state");
    if (now !== state) throw new Error(`It ended as ${now} instead of ${state}: ${await this.locator.innerText()}`);
  }

  async press(name) {
    await this.locator.getByRole("button", { name: new RegExp(`^${name} `) }).click();
  }

  async loaded() {
    return Number(await this.locator.locator(".bar").getAttribute("data-loaded"));
  }

  /** Waits until some bytes have moved. */
  async moves(from = 0) {
    await this.locator.page().waitForFunction(
      ([element, from]) => Number(element.querySelector(".bar").dataset.loaded) > from,
      [await this.locator.elementHandle(), from],
    );
  }

  /** Keeps every figure that the bar shows from now on; call what it returns to read them. */
  async record() {
    const figures = await this.locator.locator(".bar").evaluateHandle((bar) => {
      const seen = [];
      new MutationObserver(() => seen.push(Number(bar.dataset.loaded))).observe(bar, { attributeFilter: ["data-loaded"] });
      return seen;
    });
    return () => figures.jsonValue();
  }

  /** Waits until so many parts are stored, and returns how many there are. */
  async stores(parts) {
    const done = await this.locator.page().waitForFunction(
      ([element, parts]) => {
        const done = Number(/(\d+) done/.exec(element.querySelector(".map-words").textContent)?.[1] ?? 0);
        return done >= parts && done;
      },
      [await this.locator.elementHandle(), parts],
    );
    return done.jsonValue();
  }

  text(selector) {
    return this.locator.locator(selector).innerText();
  }
}

class Stub {
  constructor(locator) {
    this.locator = locator;
  }

  async shows() {
    await this.locator.waitFor();
  }

  async goes() {
    await this.locator.waitFor({ state: "detached" });
  }

  async loaded() {
    return Number(await this.locator.getAttribute("data-loaded"));
  }

  async press(name) {
    await this.locator.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  }
}
