// @ts-check
/**
 * Answers that are not known to be committed.
 *
 * An answer goes into the outbox (memory and localStorage), the screen moves on, and only then is it sent. It leaves
 * the outbox when Python acknowledges that it is committed; nothing else counts as saved. Sending reports no failure
 * for seconds after a kernel has died, so silence is what tells: an answer that is not acknowledged in time is shown
 * as NOT SAVED and sent again until it is. Python drops what it already has.
 *
 * @typedef {import("./types.js").Answer} Answer
 * Each names the guideline it was given under (its sha256), which may be another one when it is sent at last.
 * @typedef {{guideline: string, question: string} & ({type: "answer", answer: Answer, reason: string, comment: string,
 *   clauses: string[], flags: string[], duration_s: number} | {type: "skip", reason: string})} Content
 * @typedef {Content & {uuid: string, at: number}} Entry
 * @typedef {{entry: Entry, sentAt: number, refused: string, final: boolean}} Waiting
 */

const LATE_MS = 2000; // without an acknowledgement for this long an answer is shown as not saved
const RESEND_MS = 5000;

/** A random UUID; crypto.randomUUID does not exist on plain-http hosts. */
export function uuid4() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** An entry as it was kept, or undefined where another hand wrote something else there. @param {string | null} text */
function parsed(text) {
  try {
    const entry = JSON.parse(text ?? "null");
    const usable =
      typeof entry?.question === "string" &&
      typeof entry.uuid === "string" &&
      Number.isFinite(entry.at) &&
      ((entry.type === "answer" && typeof entry.answer === "object" && Array.isArray(entry.clauses)) ||
        (entry.type === "skip" && typeof entry.reason === "string"));
    return usable ? /** @type {Entry} */ (entry) : undefined;
  } catch {
    return undefined;
  }
}

/** Use the page's storage where it can be used. @param {() => void} use */
export function withStorage(use) {
  try {
    use();
  } catch {
    // Full or forbidden storage: what is entered stays in memory, and `beforeunload` guards what is not saved.
  }
}

/**
 * Each entry has its own place in localStorage, so two pages of one annotator never overwrite each other's.
 * @param {string} prefix
 * @param {(entry: Entry) => void} send
 */
export function createOutbox(prefix, send) {
  /** In the order they were given. @type {Map<string, Waiting>} */
  const waiting = new Map();
  /** @type {Map<string, Entry>} */
  const latest = new Map();
  let last = 0;

  /** @param {string} uuid */
  const drop = (uuid) => {
    const entry = waiting.get(uuid)?.entry;
    withStorage(() => localStorage.removeItem(prefix + uuid));
    if (!entry) return;
    waiting.delete(uuid);
    if (latest.get(entry.question) !== entry) return;
    latest.delete(entry.question);
    for (const other of waiting.values()) if (other.entry.question === entry.question) latest.set(entry.question, other.entry);
  };
  /** @param {Entry} entry */
  const keep = (entry) => {
    waiting.set(entry.uuid, { entry, sentAt: 0, refused: "", final: false });
    if ((latest.get(entry.question)?.at ?? 0) <= entry.at) latest.set(entry.question, entry);
    last = Math.max(last, entry.at);
  };

  /** Take in what an earlier page, or another one, left unsaved. */
  function adopt() {
    /** @type {Entry[]} */
    const found = [];
    withStorage(() => {
      for (const name of Object.keys(localStorage)) {
        if (!name.startsWith(prefix) || waiting.has(name.slice(prefix.length))) continue;
        const entry = parsed(localStorage.getItem(name));
        if (entry && name === prefix + entry.uuid) found.push(entry);
      }
    });
    if (!found.length) return 0;
    found.forEach(keep);
    const all = [...waiting].sort(([, one], [, other]) => one.entry.at - other.entry.at);
    waiting.clear();
    for (const [uuid, one] of all) waiting.set(uuid, one);
    return found.length;
  }

  return {
    get size() {
      return waiting.size;
    },
    /** The newest unsaved entry of a question. @param {string} question */
    latest: (question) => latest.get(question),
    /** @param {Content} content */
    add(content) {
      adopt(); // what another page left for this question was given before, and goes out before
      const entry = /** @type {Entry} */ ({ ...content, uuid: uuid4(), at: Math.max(Date.now(), last + 1) });
      keep(entry);
      withStorage(() => localStorage.setItem(prefix + entry.uuid, JSON.stringify(entry)));
      return entry;
    },
    adopt,
    /** Send what is due; a correction waits until the answer it corrects is out of the way. */
    pump() {
      const now = performance.now();
      const asked = new Set();
      for (const one of waiting.values()) {
        if (one.final || asked.has(one.entry.question)) continue;
        asked.add(one.entry.question);
        if (one.sentAt && now - one.sentAt < RESEND_MS) continue;
        one.sentAt = now;
        send(one.entry);
      }
    },
    /** @param {string} uuid */
    saved: drop,
    /** @param {string} uuid @param {string} message @param {boolean} final */
    refused(uuid, message, final) {
      const one = waiting.get(uuid);
      if (one) Object.assign(one, { refused: message, final });
      return Boolean(one);
    },
    /** Give up on entries that can never be saved. */
    discard() {
      for (const one of [...waiting.values()]) if (one.final) drop(one.entry.uuid);
    },
    /** How the unsaved entries stand. */
    counts() {
      const now = Date.now();
      const all = [...waiting.values()];
      const late = all.filter((one) => one.refused || now - one.entry.at > LATE_MS);
      return {
        sending: all.length - late.length,
        late: late.length,
        refused: late.find((one) => one.refused)?.refused ?? "",
        final: all.filter((one) => one.final).length,
      };
    },
  };
}

/** @typedef {ReturnType<typeof createOutbox>} Outbox */
