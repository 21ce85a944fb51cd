// Small helpers to build elements. Text is always set as text: a file's name is never read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** `el("p", { class: "note", hidden: true }, "words", child)`; properties that start with `on` are listeners. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A square button that shows an icon and says its name to everybody else. */
export function iconButton(name, label, onclick) {
  const button = el("button", { type: "button", class: "icon-button", onclick }, icon(name));
  relabel(button, name, label);
  return button;
}

/** Gives a button another meaning in place, so that whoever has the focus on it keeps it. */
export function relabel(button, name, label) {
  if (button.dataset.icon !== name) button.querySelector("use").setAttribute("href", `#i-${name}`);
  button.dataset.icon = name;
  button.title = button.title === label.short ? button.title : label.short;
  if (button.getAttribute("aria-label") !== label.full) button.setAttribute("aria-label", label.full);
}

const announcer = document.getElementById("announcer");

/** Says something to a screen reader, and to nobody else. */
export function announce(words) {
  announcer.textContent = words;
}
