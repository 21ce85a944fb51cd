// A service worker through which media elements read what a page is downloading. Served by the application from its own origin;
// or, where it has a service worker of its own, brought into that by `importScripts`. It keeps nothing: what a URL stands for is
// known to the page whose client it names.

(() => {
  const FOLDER = new URL("presigned-media/", self.registration.scope).href;

  addEventListener("message", (event) => {
    if (event.data !== "presigned-media") return;
    const tell = () => event.ports[0].postMessage(`${FOLDER}${event.source.id}/`);
    event.waitUntil(self.clients.claim().then(tell));
  });

  addEventListener("fetch", (event) => {
    const { url, method, headers } = event.request;
    if (!url.startsWith(FOLDER)) return;
    const [client, id] = url.slice(FOLDER.length).split(/[/?#]/);
    let over;
    event.waitUntil(new Promise((resolve) => (over = resolve)));
    event.respondWith(ask(client, [id, method, headers.get("range")], over));
  });

  /** Has the page answer: first with a status and headers, then, each time that it is asked for more, with bytes or an end. */
  async function ask(client, question, over) {
    const page = await self.clients.get(client);
    if (!page) {
      over();
      return new Response(null, { status: 404 });
    }
    const { port1: port, port2 } = new MessageChannel();
    const next = () => new Promise((resolve) => (port.onmessage = ({ data }) => resolve(data)));
    const end = () => {
      port.close();
      over();
    };
    page.postMessage(["presigned-media", ...question], [port2]);
    const { status, headers, hasBody } = await next();
    if (!hasBody) end();
    const body = {
      async pull(controller) {
        const answer = next();
        port.postMessage("more");
        const { bytes, error } = await answer;
        if (bytes) return controller.enqueue(bytes);
        end();
        if (error) controller.error(new Error(error));
        else controller.close();
      },
      cancel() {
        port.postMessage("enough");
        end();
      },
    };
    return new Response(hasBody ? new ReadableStream(body, { highWaterMark: 0 }) : null, { status, headers });
  }
})();
