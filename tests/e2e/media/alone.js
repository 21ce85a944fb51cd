// A page that plays, seeks and reports by itself, for browsers that nothing here can drive. Its address says what, and where to report.

import "/page.js";

const { token, key, to, report } = Object.fromEntries(new URLSearchParams(location.search));

async function walk() {
  open_(token, {});
  const url = await play(key, { to, contentType: "video/webm" });
  const played = await reaches(0.5);
  const sought = await seek(Number(new URLSearchParams(location.search).get("seconds")));
  const { digest, integrity } = await end();
  const whole = await ask(url, "bytes=1000-1999");
  close_();
  const closed = await ask(url);
  return { played, sought, digest, integrity, whole, closed: closed.status, served: url.includes("/presigned-media/") };
}

const outcome = await walk().catch((error) => ({ failed: `${error?.stack ?? error}` }));
await fetch(report, { method: "POST", mode: "no-cors", body: JSON.stringify(outcome) });
