// Files come in by dropping them anywhere, by pasting, or through the picker. Folders are walked.

const zone = document.getElementById("drop");
const veil = document.getElementById("veil");
const pick = document.getElementById("pick");
const picker = document.getElementById("picker");

export function acceptFiles(onfiles) {
  const take = (files) => files.length > 0 && onfiles(files);

  pick.addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    take([...picker.files]);
    // The same file may be chosen again.
    picker.value = "";
  });
  addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])]));

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

function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

/** Everything must be taken from the event before the first await: it is emptied when the handler returns. */
async function filesOf(transfer) {
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  return (await Promise.all(entries.filter(Boolean).map(walk))).flat();
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  // A reader hands out a hundred entries at most, until there are none left.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(walk))).flat();
}
