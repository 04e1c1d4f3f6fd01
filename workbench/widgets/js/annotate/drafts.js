// @ts-check
/**
 * What was begun and not saved, kept in this browser so that a reload or a dead page costs nothing.
 *
 * @typedef {import("./types.js").Draft} Draft
 */
import { withStorage } from "./outbox.js";

const WRITE_MS = 300;

/** @param {string} prefix @param {string} guideline the version in use (its sha256) */
export function createDrafts(prefix, guideline) {
  /** @type {Map<string, Draft>} */
  const drafts = new Map();
  /** @type {Set<string>} */
  const unwritten = new Set();
  let timer = 0;

  withStorage(() => {
    for (const name of Object.keys(localStorage)) {
      if (!name.startsWith(prefix)) continue;
      const draft = parsed(localStorage.getItem(name));
      if (draft) drafts.set(name.slice(prefix.length), draft);
    }
  });

  function flush() {
    clearTimeout(timer);
    timer = 0;
    withStorage(() => {
      for (const key of unwritten) {
        const draft = drafts.get(key);
        if (draft) localStorage.setItem(prefix + key, JSON.stringify(draft));
        else localStorage.removeItem(prefix + key);
      }
    });
    unwritten.clear();
  }
  /** @param {string} key */
  function later(key) {
    unwritten.add(key);
    if (!timer) timer = setTimeout(flush, WRITE_MS);
  }

  return {
    /** @param {string} key */
    get: (key) => drafts.get(key),
    /** Keep a draft, with the guideline it was begun under; an empty one is forgotten. @param {string} key @param {Draft} draft */
    put(key, draft) {
      const empty =
        draft.answer === undefined && !draft.reason && !draft.comment && !draft.clauses.length && !draft.flags.length;
      if (empty && !drafts.has(key)) return;
      if (empty) drafts.delete(key);
      else {
        const before = drafts.get(key);
        drafts.set(key, { ...draft, guideline: before ? before.guideline : guideline });
      }
      later(key);
    },
    /** @param {string} key */
    drop(key) {
      if (drafts.delete(key)) later(key);
    },
    flush,
  };
}

/** A draft as it was kept, or undefined where another hand wrote something else there. @param {string | null} text */
function parsed(text) {
  try {
    const draft = JSON.parse(text ?? "null");
    const usable =
      typeof draft?.reason === "string" &&
      typeof draft.comment === "string" &&
      Array.isArray(draft.clauses) &&
      Array.isArray(draft.flags);
    return usable ? /** @type {Draft} */ (draft) : undefined;
  } catch {
    return undefined;
  }
}
