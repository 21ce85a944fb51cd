/** So many have their turn before the page has its own: some milliseconds' worth. */
const AT_ONCE = 20;

/** Each call of what this returns is somebody's turn: a promise, or nothing where it has come. */
export function turns() {
  let [asked, turn] = [0, undefined];
  return () => {
    if (++asked % AT_ONCE === 0) turn = turn ? turn.then(nextTask) : nextTask();
    return turn;
  };
}

/** Timers are slowed down in a page that nobody looks at; messages are not. */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
