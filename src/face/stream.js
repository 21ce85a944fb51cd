import { Transfer } from "./transfer.js";

/** What the application's function throws is reported, and ends nothing. */
function told({ onIntegrity }, integrity) {
  try {
    onIntegrity?.(integrity);
  } catch (error) {
    reportError(error);
  }
}

/** An object's bytes as they come, in order. What lies ready is kept on the WebAssembly side, so nothing is queued here. */
export function streamOf(session, number, key, options) {
  let reader;
  let begun;
  const began = new Promise((resolve) => (begun = resolve));
  const transfer = new Transfer(session, number, () => 0, options, (session, observer) => {
    reader = session.stream(number, key, options, observer);
    begun();
  });
  const end = () => {
    reader?.end();
    reader = undefined;
  };
  return new ReadableStream(
    {
      start(controller) {
        transfer.catch((error) => {
          controller.error(error);
          end();
        });
      },
      async pull(controller) {
        await began;
        const bytes = await reader?.next();
        if (bytes) return controller.enqueue(bytes);
        const { integrity } = await transfer;
        end();
        told(options, integrity);
        controller.close();
      },
      async cancel(reason) {
        await transfer.abort(reason);
        end();
      },
    },
    { highWaterMark: 0 },
  );
}
