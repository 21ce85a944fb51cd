// Transfers that survive: through faults of every kind, while the page is reloaded, killed, paused and cut off, in an order that a seed decides.
//
// SEEDS=200 runs more than 50, SEED=17 replays one. A page of its own, since what is tested is the package and not the demo.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { launchProfile } from "../support/chromium.js";
import { call, getFile, grantUpload, logIn, ROOT, startMockServer } from "../support/mock-server.js";
import { DEATHS, schedule } from "./schedule.js";
import { bytesOf } from "./survival/bytes.js";
import { ARTEFACTS, pause } from "./world.js";

const FIRST = Number(process.env.SEED ?? 1);
const SEEDS = process.env.SEED ? 1 : Number(process.env.SEEDS ?? 50);
/** Guards against a hang, not measures of anything: of a run, and of the one that reports on a run that hangs. */
const HANG_MS = 120_000;
const REPORT_MS = 30_000;
/** At once: each waits for its own slow link most of the time. */
const LANES = 3;

const PAGE = fileURLToPath(new URL("survival", import.meta.url));
const MIB = 1 << 20;
/** More than a connection has on its way into a file, which is lost with the page. */
const STRETCH = 4 * MIB;
/** What may be on its way through buffers of the kernel and the mock server when a response is cut. */
const ON_THE_WAY = MIB;
/** The bodies of the requests that are no part: completions. */
const OTHER_BODIES = 64 * 1024;

const sum = { recovered: [], runs: 0, moved: 0, size: 0, worst: 0, faults: 0, interruptions: {} };

describe(`${SEEDS} transfers survive`, { concurrency: LANES }, () => {
  before(async () => {
    await mkdir(ARTEFACTS, { recursive: true });
  });
  after(async () => {
    const again = ((sum.moved / sum.size - 1) * 100).toFixed(1);
    console.log(`${sum.runs} runs, ${sum.faults} faults struck, interruptions ${JSON.stringify(sum.interruptions)}; sent again: ${again} % of the bytes, ${((sum.worst - 1) * 100).toFixed(1)} % at worst`);
    const waits = sum.recovered.sort((one, other) => one - other).map(Math.round);
    console.log(`${waits.length} times offline: requests again ${waits[waits.length >> 1]} ms after the network was back, ${waits.at(-1)} ms at worst`);
  });
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    it(`seed ${seed}`, { timeout: HANG_MS + REPORT_MS }, () => survives(schedule(seed)));
  }
});

async function survives(plan) {
  const { seed } = plan;
  const server = await startMockServer({ page: PAGE, args: ["--seed", String(seed), ...plan.flags] });
  const run = new Run(plan, server);
  try {
    await Promise.race([run.live(), hang()]);
  } catch (error) {
    throw new Error(`${error.message}\n\n${replay(seed)}\n${await run.evidence()}`, { cause: error });
  } finally {
    await run.context?.close();
    if (run.profile) await rm(run.profile, { recursive: true, force: true, maxRetries: 5 });
    await server.stop();
  }
}

/** One transfer through all lives of its page. */
class Run {
  /** By `<upload>#<part>`, how often a page heard that it is stored. */
  #acknowledged = new Map();
  #falls = [];
  #retries = [];
  #warnings = [];
  /** What was saved, by lives. */
  #found = [];
  /** This life's transfer is done: what the next one begins is a new one. */
  #over = false;
  /** How often one was done before its page died. */
  #overs = 0;
  #broken = [];
  #requests = 0;
  #suffered = [];
  #struck = [];

  constructor(plan, server) {
    this.plan = plan;
    this.server = server;
  }

  async live() {
    const { seed, kind, size, interruptions } = this.plan;
    this.plan.token = await logIn(this.server, "survivor");
    if (kind === "download") this.plan.key = await this.put(bytesOf(seed, size));
    await call(this.server, "DELETE", "/_stats");
    await this.#rule(this.plan.rules);
    await this.open();
    for (const interruption of interruptions) await this.interrupt(interruption);
    await this.judge(await this.page.evaluate(() => result()));
  }

  /** A new life. */
  async open() {
    if (!this.context) {
      this.profile = await mkdtemp(join(tmpdir(), "presigned-profile-"));
      this.context = await launchProfile(this.profile);
      this.context.setDefaultTimeout(HANG_MS);
      this.context.on("request", () => (this.#requests += 1));
      await this.context.exposeBinding("tell", (_, told) => this.#hear(told));
    }
    if (!this.page) {
      this.page = await this.context.newPage();
      this.page.on("pageerror", (error) => this.#broken.push(error.message));
      await this.page.goto(this.server.page);
    }
    const saved = await this.page.evaluate((plan) => begin(plan), this.plan);
    this.#found.push(saved);
    const { kind, seed, size } = this.plan;
    const name = kind === "upload" ? `seed ${seed}.bin` : saved[0]?.name;
    // An upload is known from its first part on, a download once a stretch of it is kept; neither once it is done.
    const kept = this.#deaths > 0 && !this.#over;
    assert.ok(saved.length <= Number(kept) && (kind === "download" || saved.length === Number(kept)), `saved: ${JSON.stringify(saved)}`);
    if (this.#over) this.#overs += 1;
    this.#over = false;
    for (const one of saved) {
      assert.deepEqual(one, { kind, name, loaded: one.loaded, total: size });
      assert.ok(one.loaded >= 0 && one.loaded <= size, `saved at ${one.loaded} of ${size}`);
    }
  }

  /** Lets the transfer come so far, then does it; what comes too late is left out. */
  async interrupt({ what, loaded, state, hold }) {
    if (!(await this.page.evaluate((when) => until(when), { loaded, state }))) return;
    this.#suffered.push(what);
    if (what === "offline") {
      await this.page.evaluate(() => forgetStates());
      await this.#offline(true);
      await this.page.evaluate(() => until({ state: "offline" }));
      await pause(hold);
      await this.#offline(false);
    }
    if (what === "dead") {
      // No network, and nobody who says so.
      const rules = await this.#rule([{ on: "any", do: { cut_request: 0 } }]);
      await pause(hold);
      await this.#rule(rules);
    }
    if (what.startsWith("pause")) {
      await this.page.evaluate(() => steer("pause"));
      if (!(await this.page.evaluate(() => until({ state: "paused" })))) return;
      await pause(hold);
      if (what === "pause") await this.page.evaluate(() => steer("resume"));
    }
    const death = DEATHS.find((death) => what.endsWith(death));
    if (!death) return;
    await this.#die(death);
    await this.open();
  }

  async judge(outcome) {
    const { kind, size, seed, client, lives } = this.plan;
    assert.ok(!outcome.failed, `it failed: ${JSON.stringify(outcome.failed)}`);
    const asked = this.#requests;
    // What stalled is let go; its page has long given it up, so nothing but its end comes of it.
    await this.#rule([]);
    let stats = await this.#stats();
    for (; stats.in_flight > 0; stats = await this.#stats()) await pause(20);
    // Nothing is to come any more, so there is nothing to wait for; whatever came too late is caught in most runs.
    await pause(100);
    assert.equal(this.#requests, asked, "requests after the end");
    assert.deepEqual(this.#broken, [], "the page threw");
    assert.deepEqual(this.#falls, [], "progress fell");
    assert.equal(outcome.size, size);
    assert.equal(outcome.saved, 0, "what is done is still saved");
    assert.equal(stats.unfinished_uploads, 0, "an upload was left at the store");
    // A page that died while it completed may not have noted its last part: then nothing proves that the object is its upload's.
    const anew = this.#warnings.some((words) => words.includes("it starts anew")) && this.#found.at(-1)[0]?.loaded < size;
    if (kind === "upload" && anew && stats.objects === 2 + this.#overs) this.#overs += 1;
    assert.equal(stats.objects, kind === "upload" ? 1 + this.#overs : 1);

    const sha256 = kind === "upload" ? sha256Of(await getFile(this.server, this.plan.token, outcome.key)) : outcome.sha256;
    assert.equal(sha256, sha256Of(bytesOf(seed, size)), "other bytes");

    const costly = this.#struck.filter(({ on, do: fault }) => (on === "part" || on === "get") && !("delay_ms" in fault));
    const refusals = costly.filter(({ do: fault }) => "expired" in fault || "bad_signature" in fault || fault.status === 403).length;
    // URLs are renewed before they lapse; where they live for seconds, one may lapse on its way all the same.
    const lapses = Math.max(0, (stats.answers[403] ?? 0) - refusals);
    assert.ok(lapses === 0 || lives < 60, `${lapses} URLs had lapsed that live for ${lives} s`);
    const strikes = costly.length + lapses;
    const whole = size * (1 + this.#overs);
    const timeouts = this.#retries.filter((code) => code === "timeout").length;
    if (kind === "upload") {
      const flights = strikes + timeouts + this.#suffered.length * client.concurrency;
      const twice = Object.values(stats.parts).reduce((all, { stored }) => all + Math.max(0, stored - 1), 0);
      assert.ok(twice <= flights, `${twice} parts were stored again, though only ${flights} were under way at a fault or an interruption`);
      const most = whole + flights * client.partSize + OTHER_BODIES;
      assert.ok(stats.bytes_in <= most, `${stats.bytes_in} bytes were sent, ${most} would do`);
      const again = [...this.#acknowledged].filter(([, times]) => times > 1).map(([part]) => part);
      assert.deepEqual(again, [], "sent again though the page knew them to be stored");
    } else {
      // Where ranges have no fixed size, each that is shortened to share its rest leaves something on the way, too.
      const shared = client.partSize ? 0 : stats.requests.get / 2;
      const cut = strikes + timeouts + shared + this.#suffered.length * client.concurrency;
      const most = whole + this.#deaths * client.concurrency * STRETCH + cut * ON_THE_WAY;
      assert.ok(stats.bytes_out <= most, `${stats.bytes_out} bytes were fetched, ${most} would do`);
    }
    this.#count(kind === "upload" ? stats.bytes_in : stats.bytes_out);
  }

  /** Stores an object and returns its key. */
  async put(body) {
    const request = { filename: `seed ${this.plan.seed}.bin`, content_type: "application/x-survival", size: body.length };
    const { url, key } = await grantUpload(this.server, this.plan.token, request);
    const stored = await fetch(url, { method: "PUT", headers: { "content-type": request.content_type }, body });
    assert.equal(stored.status, 200);
    return key;
  }

  /** For whoever has to find out why: the schedule, what came of it, and the SDK's own timeline. */
  async evidence() {
    const file = join(ARTEFACTS, `survival-seed-${this.plan.seed}.json`);
    const ask = (question) => question.catch((error) => `${error}`);
    const explained = this.page ? await ask(Promise.race([this.page.evaluate(() => explain()), pause(2_000)])) : undefined;
    const { token, ...plan } = this.plan;
    const found = {
      plan,
      suffered: this.#suffered,
      retries: this.#retries,
      warnings: this.#warnings,
      found: this.#found,
      faults: await ask(call(this.server, "GET", "/_faults")),
      stats: await ask(this.#stats()),
      explained,
    };
    await writeFile(file, JSON.stringify(found, undefined, 1));
    return `Evidence: ${relative(ROOT, file)}`;
  }

  get #deaths() {
    return this.#suffered.filter((what) => DEATHS.some((death) => what.endsWith(death))).length;
  }

  #hear({ acknowledged, fell, retry, recovered, warned, over }) {
    if (recovered !== undefined) sum.recovered.push(recovered);
    if (acknowledged) this.#acknowledged.set(acknowledged, (this.#acknowledged.get(acknowledged) ?? 0) + 1);
    if (fell) this.#falls.push(fell);
    if (retry) this.#retries.push(retry);
    if (over) this.#over = true;
    if (warned) this.#warnings.push(warned);
  }

  /** Of this page alone: Playwright's own switch is for all of a context, and hangs on one of them that has crashed. */
  async #offline(offline) {
    this.devtools ??= await this.context.newCDPSession(this.page);
    await this.devtools.send("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  }

  async #die(how) {
    this.devtools = undefined;
    const { page } = this;
    if (how === "reload") return void (await page.reload());
    this.page = undefined;
    if (how === "crash") {
      const devtools = await this.context.newCDPSession(page);
      // The one that is asked dies of it and never answers.
      await Promise.all([page.waitForEvent("crash"), void devtools.send("Page.crash").catch(() => {})]);
    }
    await page.close({ runBeforeUnload: false });
  }

  #stats() {
    return call(this.server, "GET", "/_stats");
  }

  /** Sets other rules, notes what the earlier ones did, and returns what is left of them. */
  async #rule(rules) {
    const { rules: earlier } = await call(this.server, "GET", "/_faults");
    await call(this.server, "PUT", "/_faults", { seed: this.plan.seed, rules });
    // A slow line is none that strikes, and a dead one strikes all.
    const faults = earlier.filter(({ on, do: fault }) => !("bytes_per_second" in fault) && on !== "any");
    this.#struck.push(...faults.flatMap((rule) => Array(rule.hits).fill(rule)));
    return earlier.filter(({ times, hits }) => times === undefined || hits < times).map(({ hits, ...rule }) => (rule.times ? { ...rule, times: rule.times - hits } : rule));
  }

  #count(moved) {
    sum.runs += 1;
    sum.moved += moved;
    const size = this.plan.size * (1 + this.#overs);
    sum.size += size;
    sum.worst = Math.max(sum.worst, moved / size);
    sum.faults += this.#struck.length;
    for (const what of this.#suffered) sum.interruptions[what] = (sum.interruptions[what] ?? 0) + 1;
  }
}

function sha256Of(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

async function hang() {
  // Not to be waited for by itself.
  await new Promise((resolve) => setTimeout(resolve, HANG_MS).unref());
  throw new Error(`It has not ended after ${HANG_MS / 1000} s.`);
}

function replay(seed) {
  const { CHROMIUM, PRESIGNED_MOCK_SERVER: binary } = process.env;
  return `Replay: cd ${ROOT} && SEED=${seed} ${CHROMIUM ? `CHROMIUM=${CHROMIUM} ` : ""}PRESIGNED_MOCK_SERVER=${binary} node --test tests/e2e/survival.test.js`;
}
