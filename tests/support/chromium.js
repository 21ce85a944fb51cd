// The system's Chromium, with nothing in it that calls home.

import { chromium } from "playwright-core";

const OPTIONS = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

export function launchChromium() {
  return chromium.launch(OPTIONS);
}

/** One with a profile on disk: what is private lets go of its IndexedDB soon after the last page that uses it. */
export function launchProfile(folder) {
  return chromium.launchPersistentContext(folder, OPTIONS);
}
