// What the entries of a ZIP are called: by names that every system can unpack, no two of them alike, and none outside of the folder.

/** What file systems refuse, control characters among it. */
const REFUSED = /[\u0000-\u001f\u007f\\:*?"<>|]/g;
/** A ZIP allows for 65,535 bytes, file systems for 255 in a segment. */
const LONGEST = 200;

/** `entries`: `{ key, name? }`. Where there is no name, it is what of the key is not the folder that all of these keys share. */
export function namesOf(entries) {
  const shared = sharedFolder(entries.filter(({ name }) => name === undefined).map(({ key }) => foldersOf(key)));
  const paths = entries.map(({ key, name }) => sound(name ?? key.split("/").slice(shared).join("/")));
  const taken = new Set(paths.flatMap((path) => path.slice(0, -1).map((_, index) => folded(path.slice(0, index + 1)))));
  return paths.map((path) => {
    const [stem, ending] = split(path.at(-1));
    let own = path;
    for (let number = 2; taken.has(folded(own)); number += 1) own = [...path.slice(0, -1), `${stem} (${number})${ending}`];
    taken.add(folded(own));
    return own.join("/");
  });
}

/** How many folders all of them begin with. */
function sharedFolder([first = [], ...rest]) {
  const differs = first.findIndex((step, index) => rest.some((folders) => folders[index] !== step));
  return differs < 0 ? first.length : differs;
}

function foldersOf(key) {
  return key.split("/").slice(0, -1);
}

/** A path's segments, without any that could lead elsewhere. */
function sound(name) {
  const path = name.split(/[/\\]/).filter((step) => !["", ".", ".."].includes(step.trim()));
  return path.length > 0 ? path.map(shortened) : ["file"];
}

function shortened(step) {
  const [stem, ending] = split(step.replace(REFUSED, "_"));
  let short = stem;
  while (length(short + ending) > LONGEST) short = [...short].slice(0, -1).join("");
  return short + ending;
}

/** The name's stem and its ending, dot and all. */
function split(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= 16 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

function length(text) {
  return new TextEncoder().encode(text).length;
}

/** Some file systems tell neither case nor composition apart. */
function folded(path) {
  return path.join("/").normalize("NFC").toLowerCase();
}
