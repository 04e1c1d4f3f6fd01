// @ts-check
/** Which key does what, as it was set up and as the annotator changed it in this browser. */
import { kbds, keyName, make } from "../shared/dom.js";
import { withStorage } from "./outbox.js";

/**
 * @param {Record<string, string[]>} original
 * @param {string} task
 */
export function createKeys(original, task) {
  const storage = `workbench:keys:${task}`;
  /** @type {Record<string, string[]>} */
  const keys = {};
  /** @type {Map<string, string>} */
  const actions = new Map();
  /** Places where keys are printed. @type {Set<WeakRef<HTMLElement>>} */
  const printed = new Set();

  function take() {
    /** @type {Record<string, unknown>} */
    let own = {};
    withStorage(() => (own = JSON.parse(localStorage.getItem(storage) ?? "{}")));
    for (const [action, names] of Object.entries(original)) {
      const mine = own?.[action];
      keys[action] = typeof mine === "string" && mine ? [mine] : [...names];
    }
    actions.clear();
    for (const [action, names] of Object.entries(keys)) for (const name of names) actions.set(name.toLowerCase(), action);
  }
  take();

  /** @param {HTMLElement} place */
  function print(place) {
    const most = Number(place.dataset["most"]) || undefined;
    place.replaceChildren(...kbds((keys[place.dataset["keys"] ?? ""] ?? []).slice(0, most)));
  }
  function reprint() {
    for (const one of printed) {
      const place = one.deref();
      if (place?.isConnected) print(place);
      else if (!place) printed.delete(one);
    }
  }

  return {
    keys,
    /** @param {string} key */
    actionOf: (key) => actions.get(key.toLowerCase()),
    /** @param {string} action */
    of: (action) => keys[action] ?? [],
    /** An action's keys as printed on a button, for as long as it is on the page. @param {string} action @param {number} [most] */
    kbds(action, most) {
      const place = make("span", "kbds");
      place.dataset["keys"] = action;
      if (most) place.dataset["most"] = String(most);
      print(place);
      printed.add(new WeakRef(place));
      return place;
    },
    /** Give an action another key; says why not, or nothing where it was done. @param {string} action @param {string} key */
    change(action, key) {
      const owner = actions.get(key.toLowerCase());
      if (owner && owner !== action) return `${keyName(key)} is taken already.`;
      withStorage(() => {
        const own = JSON.parse(localStorage.getItem(storage) ?? "{}");
        localStorage.setItem(storage, JSON.stringify({ ...own, [action]: key }));
      });
      take();
      if (keys[action]?.[0] !== key) return "This browser does not keep changes here.";
      reprint();
      return "";
    },
    reset() {
      withStorage(() => localStorage.removeItem(storage));
      take();
      reprint();
    },
  };
}
