/** Writes into the log of a transfer, as the WebAssembly side does. */
export function teller(client, observer) {
  return (level, message) => {
    const entry = { time: Date.now(), transfer: observer.id, level, message };
    observer.log(entry);
    try {
      client.onLog?.(entry);
    } catch {
      // An application's faulty log callback must not end its transfers.
    }
  };
}
