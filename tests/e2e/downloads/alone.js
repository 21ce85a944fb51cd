// A page that goes its way by itself and reports at its end, for browsers that nothing here can drive. Its address says where to and
// with what.

import "/page.js";

const { token, key, report } = Object.fromEntries(new URLSearchParams(location.search));
const options = { cache: "revalidate" };

async function walk() {
  // What is told of the object is its URL alone: so storage has to be asked.
  open_(token, { told: [] });
  const before = JSON.parse(sessionStorage.getItem("before") ?? "null");
  if (!before) {
    const got = [await download(key, options), await download(key, options)];
    sessionStorage.setItem("before", JSON.stringify(got));
    location.reload();
    return undefined;
  }
  const got = [...before, await download(key, options)];
  const kept = Object.keys(await window.kept()).length;
  await clear();
  // What this page still reads stays for as long as it lives; its note does not.
  return { got, kept, notes: Object.keys(await window.kept()).filter((name) => name.endsWith(".json")).length, after: await download(key, options) };
}

const outcome = await walk().catch((error) => ({ failed: `${error?.stack ?? error}` }));
if (outcome) await fetch(report, { method: "POST", mode: "no-cors", body: JSON.stringify(outcome) });
