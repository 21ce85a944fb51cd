// Of many, some have their turn, then the page, then some more.

import assert from "node:assert/strict";
import { test } from "node:test";

import { turns } from "../../src/face/turns.js";

/** A task of the page's own, over and over: counts how often it had its turn. */
function page() {
  const { port1, port2 } = new MessageChannel();
  const page = { turns: 0, close: () => port1.close() };
  port1.onmessage = () => {
    page.turns += 1;
    port2.postMessage(undefined);
  };
  port2.postMessage(undefined);
  return page;
}

test("the page has its turn between those of many", async () => {
  const [turn, had, own] = [turns(), [], page()];
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      const later = turn();
      if (later) await later;
      had.push(own.turns);
    }),
  );
  own.close();
  assert.equal(had[0], 0);
  const between = (count) => had.filter((turns) => turns === count).length;
  for (const count of new Set(had)) assert.ok(between(count) <= 20, `${between(count)} in one of the page's turns`);
  assert.deepEqual(had, had.toSorted((one, other) => one - other));
});

test("a few don't wait", () => {
  const turn = turns();
  assert.deepEqual(Array.from({ length: 19 }, turn), Array(19).fill(undefined));
});
