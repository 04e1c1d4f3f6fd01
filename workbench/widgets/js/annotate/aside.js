// @ts-check
/**
 * The guideline beside the item: criteria, ties, clauses that can be read, found and cited, edge cases.
 *
 * @typedef {import("./types.js").Guideline} Guideline
 */
import { make, makeButton, say, set } from "../shared/dom.js";
import { safeFragment } from "./safe.js";

/**
 * @param {Guideline} guideline
 * @param {(action: string) => Node} kbds
 * @param {AbortSignal} signal
 * @param {(id: string) => void} cite
 */
export function createAside(guideline, kbds, signal, cite) {
  const element = make("aside", "guideline");
  element.setAttribute("aria-label", `Guideline ${guideline.ref}`);

  const search = make("input", "search");
  search.type = "search";
  search.placeholder = "Find a rule";
  search.setAttribute("aria-label", "Find a rule");
  const found = make("p", "note");
  found.setAttribute("role", "status");
  const finder = make("label", "finder", search, kbds("search"));

  /** @type {Map<string, HTMLButtonElement>} */
  const buttons = new Map();
  /** @type {{element: HTMLElement, details: HTMLDetailsElement, text: string}[]} */
  const entries = [];

  const clauses = guideline.clauses.map((clause) => {
    const button = makeButton("cite", clause.id);
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", `Cite clause ${clause.id}: ${clause.title}`);
    button.title = "Cite this clause with your answer";
    button.addEventListener("click", () => cite(clause.id), { signal });
    buttons.set(clause.id, button);
    const details = make("details", "rule", make("summary", "", clause.title));
    details.append(make("div", "text", safeFragment(clause.html)));
    const made = make("div", "clause", button, details);
    entries.push({ element: made, details, text: made.textContent ?? "" });
    return made;
  });
  const cases = guideline.edge_cases.map((one) => {
    const details = make("details", "case", make("summary", "", one.title), make("div", "text", safeFragment(one.html)));
    details.append(make("p", "", make("b", "", one.answer), one.clause ? ` (clause ${one.clause})` : ""));
    entries.push({ element: details, details, text: details.textContent ?? "" });
    return details;
  });

  const intro = make(
    "div",
    "intro",
    ...(guideline.criteria.length ? [make("p", "", `Judge by: ${guideline.criteria.join(", ")}.`)] : []),
    ...(guideline.tie_rule ? [make("h3", "", "Ties"), make("div", "text", safeFragment(guideline.tie_rule))] : []),
  );
  const howTo = make("p", "note", "Press a clause's id to cite it with your answer, its title to read it.");
  const clausesTitle = make("h3", "", "Clauses ", kbds("clauses"));
  const casesTitle = make("h3", "", "Edge cases");
  casesTitle.hidden = !cases.length;
  element.append(make("h2", "", `Guideline ${guideline.ref}`), finder, found, intro);
  element.append(clausesTitle, howTo, ...clauses, casesTitle, ...cases);

  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const one of entries) {
      const hit = words.every((word) => one.text.toLowerCase().includes(word));
      one.element.hidden = !hit;
      one.details.open = hit && words.length > 0;
      n += Number(hit);
    }
    intro.hidden = howTo.hidden = words.length > 0; // else what is found would stand below it
    clausesTitle.hidden = words.length > 0 && clauses.every((one) => one.hidden);
    casesTitle.hidden = cases.every((one) => one.hidden);
    say(found, words.length ? `${n} of ${entries.length} rules` : "");
  }, { signal });

  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (search.value.trim()) readFound();
  }, { signal });

  /** Go to the first of what was found. */
  function readFound() {
    const hit = entries.find((one) => !one.element.hidden);
    const button = hit?.element.querySelector("button");
    if (button) read(button);
    else if (hit) {
      hit.details.querySelector("summary")?.focus({ preventScroll: true });
      element.scrollTop = hit.element.offsetTop - 48;
    }
  }

  /**
   * Go to a clause with the keys: it opens, the others close, and the page around stays where it is.
   * @param {HTMLButtonElement | undefined} button
   */
  function read(button) {
    if (!button) return;
    for (const one of buttons.values()) {
      const words = one.nextElementSibling;
      if (words instanceof HTMLDetailsElement) words.open = one === button;
    }
    button.focus({ preventScroll: true });
    element.scrollTop = button.offsetTop - 48;
  }

  return {
    element,
    search,
    get visible() {
      return element.offsetParent !== null;
    },
    readFirst: () => read([...buttons.values()].find((one) => !one.parentElement?.hidden)),
    /** Open a clause without going there. @param {string} id */
    open(id) {
      const words = buttons.get(id)?.nextElementSibling;
      if (words instanceof HTMLDetailsElement) words.open = true;
    },
    /** Arrow keys on a clause's button go to the next one; whether they did. @param {KeyboardEvent} event */
    move(event) {
      if (!(event.target instanceof HTMLButtonElement) || !/^Arrow(Up|Down)$/.test(event.key)) return false;
      const all = [...buttons.values()].filter((one) => !one.parentElement?.hidden);
      const at = all.indexOf(event.target);
      if (at < 0) return false;
      read(all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]);
      return true;
    },
    /** Forget what was searched. */
    clearSearch() {
      if (!search.value) return;
      search.value = "";
      search.dispatchEvent(new Event("input"));
    },
    /** @param {Set<string>} cited */
    showCited(cited) {
      for (const [id, one] of buttons) set(one, "aria-pressed", String(cited.has(id)));
    },
    /** The title of a clause. @param {string} id */
    titleOf: (id) => guideline.clauses.find((one) => one.id === id)?.title ?? "",
    /** The text of a clause, for somewhere else on the page. @param {string} id */
    textOf: (id) => safeFragment(guideline.clauses.find((one) => one.id === id)?.html ?? ""),
  };
}

/** @typedef {ReturnType<typeof createAside>} Aside */
