// Files come in by dropping them anywhere, by pasting, or through the picker. Folders are walked. Where the browser gives
// out a file's handle, it comes along: with it an upload can go on after a reload without a new pick.

const zone = document.getElementById("drop");
const veil = document.getElementById("veil");
const pick = document.getElementById("pick");
const picker = document.getElementById("picker");

/** `onfiles` gets a list of `{ file, handle? }`. */
export function acceptFiles(onfiles) {
  const take = (found) => found.length > 0 && onfiles(found);

  pick.addEventListener("click", chooseFiles);
  picker.addEventListener("change", () => {
    take([...picker.files].map(bare));
    // The same file may be chosen again.
    picker.value = "";
  });
  addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])].map(bare)));

  let depth = 0;
  const hover = (over) => {
    veil.hidden = !over;
    zone.classList.toggle("over", over);
  };
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth += 1;
    hover(true);
  });
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) hover(false);
  });
  addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    hover(false);
    take(await filesOf(event.dataTransfer));
  });
}

/** Opens the picker, as "Choose files" does. */
export function chooseFiles() {
  picker.click();
}

function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

/** Everything must be taken from the event before the first await: it is emptied when the handler returns. */
async function filesOf(transfer) {
  const plain = [...transfer.files];
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.());
  const handles = await Promise.all(items.map(handleOf));
  if (handles.length > 0 && handles.every(Boolean)) {
    try {
      return (await Promise.all(handles.map(walkHandle))).flat();
    } catch {
      // Then without handles, as in browsers that have none.
    }
  }
  if (!entries.some((entry) => entry?.isDirectory)) return plain.map(bare);
  return (await Promise.all(entries.filter(Boolean).map(walkEntry))).flat().map(bare);
}

function bare(file) {
  return { file };
}

/** Asks at once, and resolves to nothing where there is no handle to be had. */
async function handleOf(item) {
  try {
    return await item.getAsFileSystemHandle?.();
  } catch {
    return undefined;
  }
}

async function walkHandle(handle) {
  if (handle.kind === "file") return [{ file: await handle.getFile(), handle }];
  const found = [];
  for await (const child of handle.values()) found.push(...(await walkHandle(child)));
  return found;
}

async function walkEntry(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  // A reader hands out a hundred entries at most, until there are none left.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(walkEntry))).flat();
}
