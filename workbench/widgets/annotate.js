// @ts-check
/**
 * The labelling widget's page side. See annotate.py for the messages.
 *
 * An answer goes into the outbox (memory and localStorage), the screen moves on, and only then is it sent. It leaves
 * the outbox when Python acknowledges that it is committed; nothing else counts as saved. Sending reports no failure
 * for seconds after a kernel has died, so silence is what tells: an answer that is not acknowledged in time is shown
 * as NOT SAVED and sent again until it is. Python drops what it already has.
 *
 * Text reaches the page as text. The one exception is the HTML that safe_html.py made, and that is rebuilt here from
 * a second allow-list, element by element.
 *
 * @typedef {"left" | "right" | "tie" | "both_bad"} Side
 * @typedef {{html: string, raw: string}} Shown
 * @typedef {{key: string, prompt: Shown, responses: Shown[]}} Question
 * @typedef {{uuid: string, choice: Side, reason: string, clauses: string[]}} Answer
 * @typedef {Answer & {question: string, duration_s: number, at: number}} Entry
 * @typedef {{entry: Entry, sentAt: number, refused: string, final: boolean}} Waiting
 * @typedef {{id: string, title: string, html: string}} Clause
 * @typedef {{title: string, html: string, answer: string, clause: string}} EdgeCase
 * @typedef {{ref: string, criteria: string[], tie_rule: string, allow_both_bad: boolean, clauses: Clause[],
 *   edge_cases: EdgeCase[]}} Guideline
 * @typedef {{storage: string, pilot: string, batch: string, annotator: string, keys: Record<string, string[]>,
 *   guideline: Guideline}} Settings
 * @typedef {{type: "state", answers: Record<string, Answer>}
 *   | {type: "ack", uuid: string, question: string, answer: Answer}
 *   | {type: "refused", uuid: string, message: string, final: boolean}} Message
 * @typedef {{get(name: string): any, send(content: object): void,
 *   on(event: string, callback: (message: Message) => void): void,
 *   off(event: string, callback: (message: Message) => void): void}} Model
 */

const LATE_MS = 2000; // without an acknowledgement for this long an answer is shown as not saved
const RESEND_MS = 5000;
const TICK_MS = 500;
const AHEAD = 5; // cards built before they are needed
const PACE_OVER = 20; // answers

const HTML_TAGS = new Set(
  "A BLOCKQUOTE BR CODE EM H1 H2 H3 H4 H5 H6 HR LI OL P PRE S STRONG TABLE TBODY TD TH THEAD TR UL".split(" "),
);
const MATH_TAGS = new Set(
  ("math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable mtd" +
    " mtext mtr munder munderover").split(" "),
);
const MATHML = "http://www.w3.org/1998/Math/MathML";
/** @type {Record<Side, string>} */
const SAID = { left: "Left is better", right: "Right is better", tie: "Tie", both_bad: "Both bad" };
/** @type {Record<string, string>} */
const KEY_NAMES = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", " ": "Space" };

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} name
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = `wb-${name}`;
  element.append(...children);
  return element;
}

/** Rebuild sanitized HTML from nothing but listed elements and attributes. @param {string} html */
export function safeFragment(html) {
  const fragment = document.createDocumentFragment();
  copySafely(new DOMParser().parseFromString(html, "text/html").body, fragment);
  return fragment;
}

/** @param {Node} from @param {Node} to */
function copySafely(from, to) {
  for (const node of from.childNodes) {
    if (node instanceof Text) to.appendChild(document.createTextNode(node.data));
    if (!(node instanceof Element)) continue;
    const math = node.namespaceURI === MATHML && MATH_TAGS.has(node.tagName);
    if (!math && !(node instanceof HTMLElement && HTML_TAGS.has(node.tagName))) {
      to.appendChild(document.createTextNode(node.textContent ?? "")); // cannot be ours: show it, as text
      continue;
    }
    const copy = math ? document.createElementNS(MATHML, node.tagName) : document.createElement(node.tagName);
    const href = node.getAttribute("href") ?? "";
    if (copy instanceof HTMLAnchorElement && /^https?:\/\//i.test(href)) {
      copy.href = href;
      copy.rel = "noopener noreferrer nofollow";
      copy.target = "_blank";
      copy.title = href; // where a link leads is part of judging it
    }
    if (copy instanceof HTMLOListElement && node instanceof HTMLOListElement) copy.start = node.start;
    if (math && node.getAttribute("display") === "block") copy.setAttribute("display", "block");
    if (math && node.getAttribute("mathvariant") === "normal") copy.setAttribute("mathvariant", "normal");
    to.appendChild(copy);
    copySafely(node, copy);
  }
}

/** A random UUID; crypto.randomUUID does not exist on plain-http hosts. */
function uuid4() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** An answer as it was kept, or undefined where another hand wrote something else there. @param {string | null} text */
function parsed(text) {
  try {
    const entry = JSON.parse(text ?? "null");
    const usable = typeof entry?.question === "string" && typeof entry.choice === "string" && Array.isArray(entry.clauses);
    return usable ? /** @type {Entry} */ (entry) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Answers that are not known to be committed.
 *
 * Each has its own localStorage entry, so two pages of one annotator never overwrite each other's.
 * @param {string} prefix
 * @param {(entry: Entry) => void} send
 */
function createOutbox(prefix, send) {
  /** @type {Map<string, Waiting>} */
  const waiting = new Map();
  /** @type {Map<string, Entry>} */
  const latest = new Map();
  let last = 0;

  /** @param {() => void} use */
  const storage = (use) => {
    try {
      use();
    } catch {
      // Full or forbidden storage: the answer stays in memory and `beforeunload` guards it.
    }
  };
  /** @param {string} uuid */
  const drop = (uuid) => {
    const entry = waiting.get(uuid)?.entry;
    storage(() => localStorage.removeItem(prefix + uuid));
    if (!entry) return;
    waiting.delete(uuid);
    if (latest.get(entry.question) === entry) latest.delete(entry.question);
  };
  /** @param {Entry} entry */
  const keep = (entry) => {
    waiting.set(entry.uuid, { entry, sentAt: 0, refused: "", final: false });
    latest.set(entry.question, entry);
    last = Math.max(last, entry.at);
  };

  return {
    get size() {
      return waiting.size;
    },
    /** The newest unsaved answer to a question. @param {string} question */
    latest: (question) => latest.get(question),
    /** @param {Omit<Entry, "uuid" | "at">} given */
    add(given) {
      const entry = { ...given, uuid: uuid4(), at: Math.max(Date.now(), last + 1) };
      keep(entry);
      storage(() => localStorage.setItem(prefix + entry.uuid, JSON.stringify(entry)));
    },
    /** Take in what an earlier page, or another one, left unsaved. */
    adopt() {
      /** @type {Entry[]} */
      const found = [];
      storage(() => {
        for (const name of Object.keys(localStorage)) {
          if (!name.startsWith(prefix) || waiting.has(name.slice(prefix.length))) continue;
          const entry = parsed(localStorage.getItem(name));
          if (entry && name === prefix + entry.uuid) found.push(entry);
        }
      });
      found.sort((one, other) => one.at - other.at).forEach(keep);
      return found.length;
    },
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
    },
    /** Give up on answers that can never be saved. */
    discard() {
      for (const one of [...waiting.values()]) if (one.final) drop(one.entry.uuid);
    },
    /** How the unsaved answers stand. */
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

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** @param {number} seconds */
function spoken(seconds) {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {HTMLElement} element @param {string} text */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text; // the same words again would be read aloud again
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  /** @type {Settings} */
  const settings = model.get("settings");
  /** @type {Map<string, Question>} */
  const questions = new Map(model.get("questions").map((/** @type {Question} */ one) => [one.key, one]));
  const guideline = settings.guideline;
  const stop = new AbortController();
  const { signal } = stop;

  /** @type {Map<string, Answer>} */
  const saved = new Map(Object.entries(model.get("answers")));
  let queue = [...questions.keys()];
  let undoable = queue.filter((key) => saved.has(key));
  /** @type {string | undefined} */
  let current;
  let reviewing = false;
  let connected = false;
  /** @type {Set<string>} */
  let cited = new Set();
  /** @type {Map<string, {reason: string, clauses: string[]}>} */
  const drafts = new Map();
  /** @type {number[]} */
  const paces = [];
  let shownAt = 0;
  let hiddenAt = 0;
  let ticks = 0;

  const outbox = createOutbox(`${settings.storage}:`, (entry) => {
    const { at: _at, ...answer } = entry;
    post({ type: "answer", ...answer });
  });

  /** @param {object} content */
  function post(content) {
    try {
      model.send(content);
    } catch {
      // The comm is closed. The missing acknowledgement says so to the annotator.
    }
  }

  // ---- the page -----------------------------------------------------------------------------------------------

  const root = make("div", "annotate");
  root.tabIndex = 0;
  root.dataset["lmSuppressShortcuts"] = "true"; // otherwise JupyterLab takes the letters: b would insert a cell
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", `Labelling batch ${settings.batch} of pilot ${settings.pilot}`);

  const place = make("strong", "place");
  const bar = make("progress", "bar");
  bar.setAttribute("aria-label", "answered");
  const pace = make("span", "pace");
  const status = make("span", "status");
  status.setAttribute("role", "status");
  const alarm = make("div", "alarm");
  alarm.setAttribute("role", "alert");
  const discard = make("button", "discard");
  discard.type = "button";
  discard.hidden = true;
  const spokenOnly = make("div", "spoken");
  spokenOnly.setAttribute("aria-live", "polite");
  const card = make("div", "card");

  /** @param {string} action */
  const keysOf = (action) => settings.keys[action] ?? [];
  /** @param {string} action @param {string} text @param {string} [name] */
  function button(action, text, name = "tool") {
    const made = make("button", name, make("span", "", text));
    made.type = "button";
    for (const key of keysOf(action)) made.append(make("kbd", "", KEY_NAMES[key] ?? key.toUpperCase()));
    made.setAttribute("aria-keyshortcuts", keysOf(action).join(" "));
    made.addEventListener("click", () => act(action), { signal });
    return made;
  }

  /** @type {Partial<Record<Side, HTMLButtonElement>>} */
  const choices = { left: button("left", SAID.left, "choice"), tie: button("tie", SAID.tie, "choice") };
  if (guideline.allow_both_bad) choices.both_bad = button("both_bad", SAID.both_bad, "choice");
  choices.right = button("right", SAID.right, "choice");
  const answers = make("div", "choices", ...Object.values(choices));
  answers.setAttribute("role", "group");
  answers.setAttribute("aria-label", "Your judgment");

  const reason = make("textarea", "reason");
  reason.rows = 1;
  reason.maxLength = 20000;
  reason.placeholder = "optional; Esc returns to the keys";
  const reasonLabel = make("label", "why", make("span", "", "Why? "), reason);
  for (const key of keysOf("reason")) reasonLabel.firstElementChild?.append(make("kbd", "", key.toUpperCase()));

  const undoButton = button("undo", "Undo");
  const skipButton = button("skip", "Later");
  const rawButton = button("raw", "As written");
  const guidelineButton = button("guideline", "Guideline");
  const hint = make("span", "hint", "Click here, or Tab to this frame, to answer with the keyboard");
  const tools = make("div", "tools", undoButton, skipButton, rawButton, guidelineButton, hint);

  const aside = make("aside", "guideline");
  aside.setAttribute("aria-label", `Guideline ${guideline.ref}`);
  const citing = make("p", "citing");
  /** @type {Map<string, HTMLButtonElement>} */
  const clauseButtons = new Map();
  for (const clause of guideline.clauses) {
    const cite = make("button", "cite", clause.id);
    cite.type = "button";
    cite.setAttribute("aria-pressed", "false");
    cite.setAttribute("aria-label", `Cite clause ${clause.id}: ${clause.title}`);
    cite.title = "Cite this clause with your answer";
    cite.addEventListener("click", () => citeClause(clause.id), { signal });
    clauseButtons.set(clause.id, cite);
  }
  aside.append(
    make("h2", "", `Guideline ${guideline.ref}`),
    ...(guideline.criteria.length ? [make("p", "", `Judge by: ${guideline.criteria.join(", ")}.`)] : []),
    make("h3", "", "Ties"),
    make("div", "text", safeFragment(guideline.tie_rule)),
    make("h3", "", "Clauses ", ...keysOf("clauses").map((key) => make("kbd", "", key.toUpperCase()))),
    make("p", "note", "Press a clause's id to cite it with your answer, its title to read it."),
    ...guideline.clauses.map((clause) => {
      const words = make("details", "rule", make("summary", "", clause.title));
      words.append(make("div", "text", safeFragment(clause.html)));
      return make("div", "clause", clauseButtons.get(clause.id) ?? "", words);
    }),
  );
  if (guideline.edge_cases.length) aside.append(make("h3", "", "Edge cases"));
  for (const one of guideline.edge_cases) {
    const details = make("details", "case", make("summary", "", one.title), make("div", "text", safeFragment(one.html)));
    details.append(make("p", "", make("b", "", one.answer), one.clause ? ` (clause ${one.clause})` : ""));
    aside.append(details);
  }

  const work = make("div", "work", card, answers, reasonLabel, citing, tools);
  root.append(
    make("div", "top", place, bar, pace, status),
    alarm,
    discard,
    spokenOnly,
    make("div", "body", work, aside),
  );
  const frame = make("div", "frame", root);
  el.append(frame);

  /** @type {Map<string, HTMLElement>} */
  const cards = new Map();

  /** @param {string} name @param {string} title @param {Shown} shown */
  function panel(name, title, shown) {
    const text = make("div", "text", safeFragment(shown.html));
    const raw = make("pre", "raw", shown.raw);
    text.dir = raw.dir = "auto";
    const scroll = make("div", "scroll", text, raw);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", title);
    return make("section", name, make("h2", "", title), scroll);
  }

  /** @param {string} key */
  function cardOf(key) {
    const ready = cards.get(key);
    const question = questions.get(key);
    if (ready || !question) return ready ?? make("div", "item");
    const [left, right] = question.responses;
    const made = make("div", "item", panel("prompt", "Prompt", question.prompt));
    if (left) made.append(panel("left", "Left", left));
    if (right) made.append(panel("right", "Right", right));
    cards.set(key, made);
    return made;
  }

  function buildAhead() {
    const next = open().slice(0, AHEAD);
    const near = new Set([current, ...next, ...undoable.slice(-AHEAD)]);
    for (const key of cards.keys()) if (!near.has(key)) cards.delete(key);
    next.forEach(cardOf);
  }

  // ---- where we are -------------------------------------------------------------------------------------------

  /** @param {string} key @returns {Answer | undefined} */
  const given = (key) => outbox.latest(key) ?? saved.get(key);
  const open = () => queue.filter((key) => !given(key));

  /** @param {string | undefined} key @param {boolean} [again] */
  function show(key, again = false) {
    if (current) drafts.set(current, { reason: reason.value, clauses: [...cited] });
    current = key;
    reviewing = again;
    shownAt = performance.now();
    hiddenAt = document.hidden ? shownAt : 0;
    const before = key ? (drafts.get(key) ?? given(key)) : undefined;
    reason.value = before?.reason ?? "";
    cited = new Set(before?.clauses ?? []);
    card.replaceChildren(key ? cardOf(key) : finished());
    refresh();
    setTimeout(buildAhead); // after the screen has changed
  }

  function finished() {
    const tally = Object.keys(choices).map((side) => {
      const n = queue.filter((key) => given(key)?.choice === side).length;
      return make("li", "", `${SAID[/** @type {Side} */ (side)]}: ${n}`);
    });
    const [undo] = keysOf("undo");
    return make(
      "div",
      "finished",
      make("h2", "", `All ${queue.length} items are answered. Thank you.`),
      make("ul", "", ...tally),
      make("p", "", `To look at the last answer again press ${undo?.toUpperCase() ?? "Undo"}.`),
    );
  }

  /** @param {Side} side */
  function answer(side) {
    if (!current || !choices[side]) return;
    const key = current;
    const duration = (performance.now() - shownAt) / 1000;
    outbox.add({
      question: key,
      choice: side,
      reason: reason.value.trim(),
      clauses: [...cited],
      duration_s: Math.round(duration * 1000) / 1000,
    });
    if (!reviewing) paces.push(duration);
    undoable = [...undoable.filter((one) => one !== key), key];
    current = undefined;
    drafts.delete(key);
    const next = open()[0];
    show(next);
    say(spokenOnly, `${SAID[side]}. ${next ? place.textContent : "All items are answered."}`);
    outbox.pump();
  }

  function undo() {
    const until = reviewing && current ? undoable.indexOf(current) : undoable.length;
    const key = undoable[until - 1];
    if (!key) return;
    show(key, true);
    say(spokenOnly, `Back to ${place.textContent}, answered: ${SAID[given(key)?.choice ?? "tie"]}.`);
  }

  function skip() {
    if (!current || reviewing || open().length < 2) return;
    const key = current;
    queue = [...queue.filter((one) => one !== key), key];
    show(open()[0]);
    say(spokenOnly, `Moved to the end. ${place.textContent}`);
  }

  /** @param {string} id */
  function citeClause(id) {
    if (!cited.delete(id)) cited.add(id);
    refresh();
  }

  /**
   * Go to a clause with the keys: it opens, the others close, and the page around stays where it is.
   * @param {HTMLButtonElement | undefined} cite
   */
  function readClause(cite) {
    if (!cite) return;
    for (const one of clauseButtons.values()) {
      const words = one.nextElementSibling;
      if (words instanceof HTMLDetailsElement) words.open = one === cite;
    }
    cite.focus({ preventScroll: true });
    aside.scrollTop = cite.offsetTop - 48;
  }

  /** @param {number} direction */
  function scrollBoth(direction) {
    for (const scroll of card.querySelectorAll(".wb-left .wb-scroll, .wb-right .wb-scroll")) {
      scroll.scrollBy({ top: direction * scroll.clientHeight * 0.6 });
    }
  }

  /** @param {boolean} [visible] */
  function toggleGuideline(visible = !aside.offsetParent) {
    root.dataset["guideline"] = visible ? "open" : "closed";
    tellGuideline();
  }

  // Asking whether something is visible costs a layout, so it is not part of `refresh`, which every key runs.
  function tellGuideline() {
    guidelineButton.setAttribute("aria-expanded", String(aside.offsetParent !== null));
  }

  /** @param {string} action */
  function act(action) {
    if (action === "left" || action === "right" || action === "tie" || action === "both_bad") answer(action);
    else if (action === "undo") undo();
    else if (action === "skip") skip();
    else if (action === "guideline") toggleGuideline();
    else if (action === "raw") {
      root.dataset["view"] = root.dataset["view"] === "raw" ? "" : "raw";
      refresh();
    } else if (action === "down" || action === "up") scrollBoth(action === "down" ? 1 : -1);
    else if (action === "clauses") {
      toggleGuideline(true);
      readClause([...clauseButtons.values()][0]);
      return;
    } else if (action === "reason") {
      reason.focus();
      return;
    }
    takeKeys();
  }

  function takeKeys() {
    if (document.activeElement !== root) root.focus({ preventScroll: true });
  }

  function refresh() {
    const { sending, late, refused, final } = outbox.counts();
    const left = open().length;
    const index = current ? queue.indexOf(current) + 1 : queue.length;
    say(place, current ? `Item ${index} of ${queue.length}${reviewing ? " · changing your answer" : ""}` : "Finished");
    bar.max = queue.length;
    bar.value = queue.length - left;
    const each = median(paces.slice(-PACE_OVER));
    say(pace, paces.length > 2 && left ? `${spoken(each)} each · ${spoken(each * left)} left` : `${left} to go`);
    const all = saved.size === 1 ? "1 answer saved" : `All ${saved.size} answers saved`;
    const line = !connected ? "Connecting…" : sending ? `${saved.size} saved · saving ${sending}…` : all;
    say(status, late ? `${saved.size} saved · ${late} NOT SAVED` : connected && !saved.size && !sending ? "" : line);
    root.dataset["saving"] = late ? "late" : sending || !connected ? "sending" : "saved";
    say(
      alarm,
      !late
        ? ""
        : refused
          ? `NOT SAVED: ${refused}`
          : "NOT SAVED: the kernel does not answer. Keep this page open; your answers are kept here and sent again." +
            " If the kernel was restarted, run the cell again.",
    );
    alarm.hidden = !late;
    discard.hidden = !final;
    if (!final) discard.dataset["sure"] = "";
    const what = `${final} refused answer${final === 1 ? "" : "s"}`;
    say(discard, discard.dataset["sure"] ? `Really give up ${what}?` : `Give up ${what}`);
    const chosen = current ? given(current)?.choice : undefined;
    root.dataset["chosen"] = reviewing && chosen ? chosen : "";
    for (const [side, one] of Object.entries(choices)) one.setAttribute("aria-pressed", String(side === chosen));
    for (const [id, one] of clauseButtons) one.setAttribute("aria-pressed", String(cited.has(id)));
    say(citing, cited.size ? `Citing ${[...cited].join(", ")}` : "");
    for (const part of [answers, reasonLabel, citing, skipButton, rawButton]) part.hidden = !current;
    undoButton.setAttribute("aria-disabled", String(!undoable.length));
    skipButton.setAttribute("aria-disabled", String(reviewing || left < 2));
    rawButton.setAttribute("aria-pressed", String(root.dataset["view"] === "raw"));
  }

  // ---- what happens -------------------------------------------------------------------------------------------

  const actionOf = new Map(
    Object.entries(settings.keys).flatMap(([action, keys]) => keys.map((key) => [key.toLowerCase(), action])),
  );

  root.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.target === reason) {
        event.stopPropagation();
        if (event.key === "Escape") {
          event.preventDefault();
          takeKeys();
        }
        return;
      }
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        takeKeys();
        if (reviewing) show(open()[0]);
        return;
      }
      if (event.target instanceof HTMLButtonElement && /^Arrow(Up|Down)$/.test(event.key)) {
        const all = [...clauseButtons.values()];
        const at = all.indexOf(event.target);
        if (at < 0) return;
        event.preventDefault();
        event.stopPropagation();
        readClause(all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]);
        return;
      }
      const action = actionOf.get(event.key.toLowerCase());
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.repeat && action !== "down" && action !== "up") return; // a key held down is one answer
      act(action);
    },
    { signal },
  );

  discard.addEventListener(
    "click",
    () => {
      if (discard.dataset["sure"]) {
        outbox.discard();
        undoable = undoable.filter(given);
        takeKeys();
        if (!current) show(open()[0]);
      } else discard.dataset["sure"] = "yes";
      refresh();
    },
    { signal },
  );

  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.hidden) hiddenAt = performance.now();
      else if (hiddenAt) {
        shownAt += performance.now() - hiddenAt; // time in another tab is not time spent on the item
        hiddenAt = 0;
      }
    },
    { signal },
  );

  window.addEventListener(
    "beforeunload",
    (event) => {
      if (outbox.size) event.preventDefault();
    },
    { signal },
  );

  /** @param {Message} message */
  function receive(message) {
    if (message.type === "refused") {
      connected = true;
      outbox.refused(message.uuid, message.message, message.final);
      outbox.pump(); // a correction may have waited for this one
    } else if (message.type === "state" || message.type === "ack") {
      connected = true;
      const news = message.type === "state" ? Object.entries(message.answers) : [[message.question, message.answer]];
      for (const [key, one] of /** @type {[string, Answer][]} */ (news)) {
        if (questions.has(key)) saved.set(key, one);
        if (!undoable.includes(key) && questions.has(key)) undoable.push(key);
        if (message.type === "state") outbox.saved(one.uuid);
      }
      if (message.type === "ack") {
        outbox.saved(message.uuid);
        outbox.pump();
      }
      // Answered in another window meanwhile: do not ask again.
      if (current && !reviewing && saved.has(current)) show(open()[0]);
    }
    refresh();
  }

  function tick() {
    ticks += 1;
    if (ticks % (RESEND_MS / TICK_MS) === 0) {
      if (!connected) post({ type: "hello" });
      if (outbox.adopt() && current && !reviewing && given(current)) show(open()[0]);
    }
    if (outbox.size) {
      outbox.pump();
      refresh();
    }
  }

  model.on("msg:custom", receive);
  outbox.adopt();
  undoable = queue.filter(given);
  show(open()[0]);
  post({ type: "hello" });
  outbox.pump();
  refresh();
  const timer = setInterval(tick, TICK_MS);
  const resized = new ResizeObserver(tellGuideline);
  resized.observe(frame);

  return () => {
    stop.abort();
    clearInterval(timer);
    resized.disconnect();
    model.off("msg:custom", receive);
    frame.remove();
  };
}

export default { render };
