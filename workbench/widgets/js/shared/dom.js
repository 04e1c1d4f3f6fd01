// @ts-check
/** Building the page. Text is inserted as text; what was sanitized as HTML goes through safe.js. */

/** @type {Record<string, string>} */
const KEY_NAMES = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  Enter: "Enter",
  Backspace: "⌫",
  " ": "Space",
};

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} name its class is `wb-` and this; empty for none
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = `wb-${name}`;
  element.append(...children);
  return element;
}

/** @param {string} name @param {...(Node | string)} children */
export function makeButton(name, ...children) {
  const made = make("button", name, ...children);
  made.type = "button";
  return made;
}

/** A key as it is printed on a button. @param {string} key */
export function keyName(key) {
  return KEY_NAMES[key] ?? key.toUpperCase();
}

/** @param {string[]} keys */
export function kbds(keys) {
  return keys.map((key) => make("kbd", "", keyName(key)));
}

/** @param {HTMLElement} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text; // the same words again would be read aloud again
}

/** As `say`, for an element that is only there while it has something to say. @param {HTMLElement} element @param {string} text */
export function warn(element, text) {
  say(element, text);
  element.hidden = !text;
}

/** @param {Element} element @param {string} name @param {string} value */
export function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

let ids = 0;
/** An id that is on this page once. @param {string} name */
export function freshId(name) {
  ids += 1;
  return `wb-${name}-${ids}`;
}
