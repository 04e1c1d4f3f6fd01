// @ts-check
/**
 * Where everything stands: which questions there are, what was answered, what comes next. No page in here.
 *
 * @typedef {import("./types.js").Question} Question
 * @typedef {import("./types.js").Given} Given
 * @typedef {import("./types.js").State} State
 * @typedef {import("./types.js").Turn} Turn
 * @typedef {import("./types.js").Stands} Stands
 * @typedef {import("./outbox.js").Outbox} Outbox
 */

/** @param {Outbox} outbox */
export function createSession(outbox) {
  /** @type {Map<string, Question>} */
  const questions = new Map();
  /** @type {Map<string, Given>} */
  const saved = new Map();
  /** @type {Map<string, string>} */
  const skipped = new Map();
  /** @type {Map<string, Turn[]>} */
  const turns = new Map();
  /** @type {Set<string>} */
  let known = new Set();

  const session = {
    /** @type {"practice" | "live"} */
    phase: "live",
    /** All questions, in the order they are asked; `later` changes it. @type {string[]} */
    queue: [],
    /** What was answered or passed over, in the order it was done. @type {string[]} */
    done: [],
    nLeft: 0,
    trouble: "",
    /** @type {Stands | undefined} */
    stands: undefined,
    questions,
    saved,
    skipped,
    turns,

    /** Take over what Python says. @param {State} state */
    take(state) {
      if (state.phase !== session.phase || (state.stands && state.stands.attempt !== session.stands?.attempt)) {
        session.queue = [];
        session.done = [];
        saved.clear();
        skipped.clear();
      }
      session.phase = state.phase;
      session.stands = state.stands;
      session.nLeft = state.n_left;
      session.trouble = state.trouble ?? "";
      known = new Set(state.queue);
      const there = new Set(session.queue);
      // What was put off stays where it was put, what is new comes at the end, what went to others is gone.
      session.queue = [...session.queue.filter((key) => known.has(key)), ...state.queue.filter((key) => !there.has(key))];
      session.learn(state.questions);
      for (const [key, given] of Object.entries(state.given)) saved.set(key, given);
      for (const [key, why] of Object.entries(state.skipped)) if (!saved.has(key)) skipped.set(key, why);
      for (const [key, said] of Object.entries(state.turns)) turns.set(key, said);
      const was = new Set(session.done);
      session.done.push(...session.queue.filter((key) => !was.has(key) && session.isDone(key)));
    },
    /** @param {Question[]} fresh */
    learn(fresh) {
      for (const one of fresh) questions.set(one.key, one);
    },
    /** @param {string} key */
    has: (key) => known.has(key),
    /** The newest answer to a question, saved or not. @param {string} key @returns {Given | undefined} */
    given(key) {
      const entry = outbox.latest(key);
      return entry?.type === "answer" ? entry : saved.get(key);
    },
    /** Why a question was passed over, if it was. @param {string} key */
    whySkipped(key) {
      const entry = outbox.latest(key);
      if (entry) return entry.type === "skip" ? entry.reason : undefined;
      return saved.has(key) ? undefined : skipped.get(key);
    },
    /** @param {string} key */
    isDone: (key) => session.given(key) !== undefined || session.whySkipped(key) !== undefined,
    /** Questions that wait for an answer, in order. */
    open: () => session.queue.filter((key) => !session.isDone(key)),
    /** How many are answered or passed over. */
    nDone: () => session.queue.reduce((n, key) => n + Number(session.isDone(key)), 0),
    /** The next question without an answer after this one, those passed over included. @param {string} [from] */
    nextUnanswered(from) {
      const empty = session.queue.filter((key) => !session.given(key));
      const at = from ? session.queue.indexOf(from) : -1;
      return empty.find((key) => session.queue.indexOf(key) > at) ?? empty[0];
    },
    /** @param {string} key */
    markDone(key) {
      session.done = [...session.done.filter((one) => one !== key), key];
    },
    /** @param {string} key */
    putOff(key) {
      session.queue = [...session.queue.filter((one) => one !== key), key];
    },
    /** A question that went to somebody else. @param {string} key */
    drop(key) {
      known.delete(key);
      session.queue = session.queue.filter((one) => one !== key);
      session.done = session.done.filter((one) => one !== key);
      saved.delete(key);
      skipped.delete(key);
    },
    /** Questions whose texts are not here yet, the next ones to be asked first. @param {number} most */
    missing(most) {
      const waiting = session.queue.filter((key) => !questions.has(key));
      const first = waiting.filter((key) => !session.isDone(key));
      return [...first, ...waiting.filter((key) => session.isDone(key))].slice(0, most);
    },
  };
  return session;
}

/** @typedef {ReturnType<typeof createSession>} Session */
