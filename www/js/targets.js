// Where downloads go: chosen once for those to come, among what this browser has.

import { el } from "./dom.js";

const select = document.getElementById("target");

const TARGETS = [
  { id: "auto", words: "Downloads folder", is: () => true },
  { id: "blob", words: "Downloads folder, by a Blob", is: () => true },
  { id: "opfs", words: "This browser’s private files", is: () => navigator.storage?.getDirectory },
  { id: "picked", words: "A file you pick", is: () => window.showSaveFilePicker },
];

select.append(...TARGETS.filter(({ is }) => is()).map(({ id, words }) => el("option", { value: id }, words)));

/** What `download` is told as `to`; nothing where the visitor picked no file. To be called from a click. */
export async function chosenTarget(name) {
  if (select.value === "opfs") return { opfs: `downloads/${name}` };
  return isPicked() ? pickFile(name) : select.value;
}

/** Whether the visitor wants to be asked for a file each time. */
export function isPicked() {
  return select.value === "picked";
}

export async function pickFile(suggestedName) {
  try {
    return await window.showSaveFilePicker({ suggestedName });
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    throw error;
  }
}

/** Where a download without a Blob has been put: in words, and as a file where it is one of the browser's own. */
export async function placeOf(to) {
  if (!to?.opfs) return { words: `It is in ${to?.name ?? "the file that you picked"}.` };
  const names = to.opfs.split("/");
  const name = names.pop();
  let folder = await navigator.storage.getDirectory();
  for (const step of names) folder = await folder.getDirectoryHandle(step);
  return { words: `It is kept in this browser, as ${to.opfs}.`, file: await (await folder.getFileHandle(name)).getFile() };
}
