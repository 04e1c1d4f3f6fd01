// @ts-check
/**
 * The texts of a question: prompt and responses, as formatted, as written, or with their differences marked.
 *
 * @typedef {import("./types.js").Question} Question
 * @typedef {import("./types.js").Shown} Shown
 */
import { differences } from "./difference.js";
import { freshId, make } from "../shared/dom.js";
import { safeFragment } from "./safe.js";

/** What the responses of a task are called on the screen. @param {string} task @param {number} n @param {number} index */
export function responseName(task, n, index) {
  if (task === "pairwise") return index ? "Right" : "Left";
  return n > 1 ? `Response ${index + 1}` : "Response";
}

/**
 * @param {string} task
 * @param {AbortSignal} signal
 */
export function createCards(task, signal) {
  /** @type {Map<string, HTMLElement>} */
  const cards = new Map();
  let inStep = true;

  /** @param {string} name @param {string} title @param {Shown} shown */
  function panel(name, title, shown) {
    const text = make("div", "text", safeFragment(shown.html));
    const raw = make("pre", "raw", shown.raw);
    text.dir = raw.dir = "auto";
    const scroll = make("div", "scroll", text, raw);
    const heading = make("h2", "", title);
    heading.id = freshId("title");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-labelledby", heading.id);
    return make("section", name, heading, scroll);
  }

  /** Let the others follow where one of several long texts is scrolled to. @param {HTMLElement[]} scrolls */
  function couple(scrolls) {
    /** @type {HTMLElement | undefined} */
    let leader;
    let free = 0;
    for (const one of scrolls) {
      one.addEventListener(
        "scroll",
        () => {
          if (!inStep || (leader && leader !== one)) return;
          leader = one;
          clearTimeout(free);
          free = setTimeout(() => (leader = undefined), 120);
          const room = one.scrollHeight - one.clientHeight;
          if (room <= 0) return;
          for (const other of scrolls) {
            if (other !== one) other.scrollTop = (one.scrollTop / room) * (other.scrollHeight - other.clientHeight);
          }
        },
        { signal, passive: true },
      );
    }
  }

  /** @param {Question} question */
  function build(question) {
    const item = make("div", "item", panel("prompt", task === "red_team" ? "Brief" : "Prompt", question.prompt));
    const n = question.responses.length;
    item.dataset["n"] = String(n);
    const scrolls = question.responses.map((shown, index) => {
      const name = task === "pairwise" ? (index ? "right" : "left") : "response";
      const made = panel(name, responseName(task, n, index), shown);
      made.classList.add("wb-answer");
      item.append(made);
      return /** @type {HTMLElement} */ (made.lastElementChild);
    });
    if (n > 1) couple(scrolls);
    return item;
  }

  return {
    /** The texts of a question, built once. @param {Question} question */
    of(question) {
      const made = cards.get(question.key) ?? build(question);
      cards.set(question.key, made);
      return made;
    },
    /** Forget all but these. @param {Set<string | undefined>} near */
    keepOnly(near) {
      for (const key of cards.keys()) if (!near.has(key)) cards.delete(key);
    },
    /** Mark what differs between the responses of a card, once. @param {Question} question @param {HTMLElement} card */
    showDifferences(question, card) {
      if (card.dataset["compared"]) return;
      card.dataset["compared"] = "yes";
      const [first, ...others] = question.responses;
      const scrolls = [...card.querySelectorAll(".wb-answer .wb-scroll")];
      if (!first || !others.length) return;
      others.forEach((other, index) => {
        const [before, after] = differences(first.raw, other.raw);
        scrolls[index + 1]?.append(after);
        // Only a pair marks both sides: among several, each is compared with the first.
        if (index === 0) scrolls[0]?.append(others.length === 1 ? before : make("pre", "compared", first.raw));
      });
    },
    /** @param {HTMLElement} card @param {number} direction */
    scroll(card, direction) {
      const was = inStep;
      inStep = false;
      for (const one of card.querySelectorAll(".wb-answer .wb-scroll")) {
        one.scrollBy({ top: direction * one.clientHeight * 0.6 });
      }
      setTimeout(() => (inStep = was));
    },
    get inStep() {
      return inStep;
    },
    set inStep(on) {
      inStep = on;
    },
  };
}
