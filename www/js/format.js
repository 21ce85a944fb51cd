// Numbers in words.

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const WHOLE = new Intl.NumberFormat("en");

/** 1,000 bytes are a kB, as disks and connections are sold. */
export function bytes(count) {
  if (count === 1) return "1 byte";
  let unit = 0;
  while (count >= 999.5 && unit < UNITS.length - 1) {
    count /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || count >= 99.95 ? 0 : 1;
  return `${count.toFixed(digits)} ${UNITS[unit]}`;
}

export function speed(bytesPerSecond) {
  return `${bytes(bytesPerSecond)}/s`;
}

export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function count(number, one, many = `${one}s`) {
  return `${WHOLE.format(number)} ${number === 1 ? one : many}`;
}

export function date(when) {
  return DATE.format(when);
}

/** "3 hours ago"; beyond a week the date itself says more. */
export function ago(when) {
  const seconds = (when.getTime() - Date.now()) / 1000;
  if (seconds > -45) return "just now";
  if (seconds > -3600) return AGO.format(Math.round(seconds / 60), "minute");
  if (seconds > -86_400) return AGO.format(Math.round(seconds / 3600), "hour");
  if (seconds > -604_800) return AGO.format(Math.round(seconds / 86_400), "day");
  return date(when);
}

/** What the demo's backend puts before a name, so that no file overwrites another. */
const UNIQUE = /^\d{8}_\d{6}-[0-9a-f]{8}_(?=.)/;

/** The name of the file that was stored under this key. */
export function nameOf(key) {
  return key.slice(key.lastIndexOf("/") + 1).replace(UNIQUE, "");
}

/** A long name in two halves, of which the page cuts the first: the end tells the type. */
export function halves(name) {
  const cut = name.length > 24 ? name.length - 10 : name.length;
  return [name.slice(0, cut), name.slice(cut)];
}
