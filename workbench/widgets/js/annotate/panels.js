// @ts-check
/**
 * What opens above the texts for a moment: reasons for skipping, flags, all items, keys, feedback. One at a time; Esc
 * closes it. Each panel takes keys before the widget's own actions do.
 *
 * @typedef {{element: HTMLElement, press?: (event: KeyboardEvent) => boolean, first?: HTMLElement,
 *   stays?: boolean}} Panel `stays` where Esc must not put it away
 */
import { freshId, kbds, keyName, make, makeButton, set } from "../shared/dom.js";

/** @param {string} name @param {string} title @param {...(Node | string)} children */
export function panelElement(name, title, ...children) {
  const heading = make("h2", "", title);
  heading.id = freshId("panel");
  const element = make("section", `panel wb-panel-${name}`, heading, ...children);
  element.setAttribute("aria-labelledby", heading.id);
  return element;
}

/**
 * Digits choose among buttons.
 * @param {HTMLButtonElement[]} buttons
 * @returns {(event: KeyboardEvent) => boolean}
 */
function byDigit(buttons) {
  return (event) => {
    if (event.target instanceof HTMLInputElement) return false;
    const button = /^[1-9]$/.test(event.key) ? buttons[Number(event.key) - 1] : undefined;
    button?.click();
    return Boolean(button);
  };
}

/**
 * Why an item is passed over.
 * @param {string[]} reasons
 * @param {(reason: string) => void} done
 * @returns {Panel}
 */
export function skipPanel(reasons, done) {
  const buttons = reasons.map((reason, index) => {
    const button = makeButton("option", make("span", "", reason), ...kbds([String(index + 1)]));
    button.addEventListener("click", () => done(reason));
    return button;
  });
  const other = make("input", "other");
  other.maxLength = 2000;
  other.placeholder = "Another reason, then Enter";
  other.setAttribute("aria-label", "Another reason");
  other.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !other.value.trim()) return;
    event.preventDefault();
    event.stopPropagation();
    done(other.value.trim());
  });
  const choices = make("div", "options", ...buttons);
  return {
    element: panelElement("skip", "Why do you skip this item?", choices, other),
    press: byDigit(buttons),
    first: buttons[0] ?? other,
  };
}

/**
 * What an item is marked as.
 * @param {string[]} flags
 * @param {Set<string>} chosen changed in place
 * @param {() => void} changed
 * @returns {Panel}
 */
export function flagPanel(flags, chosen, changed) {
  const buttons = flags.map((flag, index) => {
    const button = makeButton("option", make("span", "", flag), ...kbds([String(index + 1)]));
    set(button, "aria-pressed", String(chosen.has(flag)));
    button.addEventListener("click", () => {
      if (!chosen.delete(flag)) chosen.add(flag);
      set(button, "aria-pressed", String(chosen.has(flag)));
      changed();
    });
    return button;
  });
  const note = make("p", "note", "A flag goes with your answer. Esc closes this.");
  return {
    element: panelElement("flags", "Flag this item as", make("div", "options", ...buttons), note),
    press: byDigit(buttons),
    ...(buttons[0] ? { first: buttons[0] } : {}),
  };
}

/**
 * All items at a glance, to go to any of them.
 * @param {{key: string, state: "answered" | "skipped" | "open", current: boolean}[]} places
 * @param {(key: string) => void} go
 * @param {number} [nMore] how many are handed out later, where they come bit by bit
 * @returns {Panel}
 */
export function overviewPanel(places, go, nMore) {
  const marks = { answered: "✓", skipped: "–", open: "" };
  const said = { answered: "answered", skipped: "skipped", open: "not answered yet" };
  const buttons = places.map(({ key, state, current }, index) => {
    const button = makeButton("place-button", `${index + 1}${marks[state]}`);
    button.dataset["state"] = state;
    button.setAttribute("aria-label", `Item ${index + 1}, ${said[state]}`);
    if (current) button.setAttribute("aria-current", "true");
    button.tabIndex = current ? 0 : -1;
    button.addEventListener("click", () => go(key));
    return button;
  });
  const first = buttons.find((button) => button.tabIndex === 0) ?? buttons[0];
  if (first) first.tabIndex = 0;
  const grid = make("div", "places", ...buttons);
  const count = (/** @type {string} */ state) => places.filter((one) => one.state === state).length;
  const open = nMore === undefined ? `${count("open")} open` : `${count("open")} here, ${nMore} more to come`;
  const note = `${count("answered")} answered, ${count("skipped")} skipped, ${open}. Arrow keys and Enter.`;
  return {
    element: panelElement("overview", "All items", make("p", "note", note), grid),
    press(event) {
      const at = buttons.findIndex((button) => button === document.activeElement);
      if (at < 0 || !/^Arrow/.test(event.key)) return false;
      const across = Math.max(1, buttons.filter((one) => one.offsetTop === buttons[0]?.offsetTop).length);
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key] ?? 0;
      const next = buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)];
      buttons.forEach((button) => (button.tabIndex = button === next ? 0 : -1));
      next?.focus();
      return true;
    },
    ...(first ? { first } : {}),
  };
}

/**
 * Every action with its keys, which can be changed here.
 * @param {Record<string, string[]>} keys
 * @param {(action: string, key: string) => string} change says why not, empty where it was done
 * @param {() => void} reset
 * @returns {Panel}
 */
export function keysPanel(keys, change, reset) {
  /** @type {string | undefined} */
  let waiting;
  const note = make("p", "note", "Press Change, then the new key. Changes stay in this browser.");
  note.setAttribute("role", "status");
  const list = make("dl", "keys");
  function show() {
    list.replaceChildren(
      ...Object.entries(keys).flatMap(([action, names]) => {
        const button = makeButton("tool", waiting === action ? "Press a key…" : "Change");
        button.setAttribute("aria-label", `Change the key for: ${actionName(action)}`);
        button.addEventListener("click", () => {
          waiting = action;
          show();
          list.querySelector(`[data-action="${action}"]`)?.querySelector("button")?.focus();
        });
        const value = make("dd", "", ...kbds(names), button);
        value.dataset["action"] = action;
        return [make("dt", "", actionName(action)), value];
      }),
    );
  }
  const resetButton = makeButton("tool", "Back to the original keys");
  resetButton.addEventListener("click", () => {
    reset();
    show();
  });
  show();
  return {
    element: panelElement("keys", "Keys", note, list, resetButton),
    press(event) {
      if (!waiting || ["Shift", "Tab", "Escape"].includes(event.key)) return false;
      const action = waiting;
      waiting = undefined;
      const problem = change(action, event.key);
      note.textContent = problem || `${actionName(action)}: ${keyName(event.key)}`;
      show();
      list.querySelector(`[data-action="${action}"]`)?.querySelector("button")?.focus();
      return true;
    },
  };
}

/** @type {Record<string, string>} */
const ACTIONS = {
  left: "Left is better",
  right: "Right is better",
  tie: "Tie",
  both_bad: "Both bad",
  save: "Save and go on",
  undo: "Back to the last answer",
  later: "Put off to the end",
  skip: "Skip, with a reason",
  unanswered: "Next without an answer",
  overview: "All items",
  flag: "Flag the item",
  reason: "Write why",
  comment: "Write a note on the item",
  clauses: "Go to the clauses",
  search: "Find a rule",
  guideline: "Show or hide the guideline",
  raw: "Text as written",
  difference: "Mark the differences",
  in_step: "Scroll in step",
  keys: "Keys",
  down: "Scroll down",
  up: "Scroll up",
  row_down: "Next line",
  row_up: "Previous line",
  equal: "Level with the one before",
  raise: "Up a rank",
  lower: "Down a rank",
  take_back: "Take out of the ranking",
  message: "Write to the model",
  yes: "Followed",
  no: "Not followed",
  not_applicable: "Does not apply",
  mark: "Mark the sentence, or unmark it",
  no_claims: "Nothing to check",
  source: "Write the source",
  quote: "Write what it says there",
};

/** An action in words. @param {string} action */
export function actionName(action) {
  return ACTIONS[action] ?? `Choice ${action.replace("option_", "")}`;
}
