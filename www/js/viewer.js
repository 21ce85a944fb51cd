// Films, sounds and pictures of the bucket, played and shown in their rows while they come.

import { el } from "./dom.js";

const KINDS = {
  video: /\.(mp4|m4v|webm|mov|ogv)$/i,
  audio: /\.(mp3|m4a|ogg|oga|opus|wav|flac)$/i,
  img: /\.(png|jpe?g|gif|webp|avif|svg|bmp)$/i,
};

/** The element that plays or shows a file of this name, where there is one. */
export function elementFor(name) {
  return Object.keys(KINDS).find((kind) => KINDS[kind].test(name));
}

/** `media` in a frame of its own. `onfail(words)` hears where the browser can't make anything of it. */
export function screenOf(kind, media, name, onfail) {
  const common = { src: media.url, onerror: () => onfail("This browser can’t play it") };
  const element =
    kind === "img"
      ? el("img", { ...common, alt: name })
      : el(kind, { ...common, controls: true, autoplay: true, playsinline: true, preload: "auto", "aria-label": name });
  return el("div", { class: "screen", "data-kind": kind }, element);
}

/** Lets go of what it shows, and of its requests. */
export function switchOff(screen) {
  const element = screen.firstElementChild;
  element.removeAttribute("src");
  element.load?.();
  screen.remove();
}
