// @ts-check
/**
 * The labelling widget's page side: what keys and messages do. See annotate/widget.py for the messages.
 *
 * Text reaches the page as text. The one exception is the HTML that safe_html.py made, rebuilt in safe.js.
 *
 * @typedef {import("./types.js").AckMessage} AckMessage
 * @typedef {import("./types.js").Control} Control
 * @typedef {import("./types.js").Desk} Desk
 * @typedef {import("./types.js").Draft} Draft
 * @typedef {import("./types.js").Message} Message
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./types.js").Settings} Settings
 * @typedef {import("./panels.js").Panel} Panel
 */
import { createAside } from "./aside.js";
import { createCards } from "./card.js";
import { createAttack } from "./controls/attack.js";
import { createChecklist } from "./controls/checklist.js";
import { createClaims } from "./controls/claims.js";
import { createClassification } from "./controls/classification.js";
import { createLikert } from "./controls/likert.js";
import { createPairwise } from "./controls/pairwise.js";
import { createRanking } from "./controls/ranking.js";
import { make, makeButton, say, set, warn } from "../shared/dom.js";
import { createDrafts } from "./drafts.js";
import { createFrame } from "./frame.js";
import { createKeys } from "./keys.js";
import { createOutbox } from "./outbox.js";
import { createPace } from "./pace.js";
import { flagPanel, keysPanel, overviewPanel, skipPanel } from "./panels.js";
import { outcomePanel, revealPanel } from "./reveal.js";
import { createSession } from "./session.js";

export { safeFragment } from "./safe.js";

const TICK_MS = 500;
const RETRY_MS = 5000; // how long to wait for an answer that is not about a judgment
const HERE_MS = 60_000; // how often an open page says that it is still there
const AHEAD = 5; // cards built before they are needed
const CHUNK = 50; // texts fetched at once
const FEW = 3; // fewer open questions than this, and more are asked for

/** @type {Record<string, (desk: Desk) => Control>} */
const CONTROLS = {
  pairwise: createPairwise,
  ranking: createRanking,
  likert: createLikert,
  classification: createClassification,
  red_team: createAttack,
  instruction_following: createChecklist,
  factual_accuracy: createClaims,
};
/** What still works while feedback is on the screen. */
const BESIDE_FEEDBACK = new Set(["raw", "difference", "in_step", "guideline", "clauses", "search", "down", "up"]);

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  /** @type {Settings} */
  const settings = model.get("settings");
  const stop = new AbortController();
  const { signal } = stop;
  const keys = createKeys(settings.keys, settings.task);
  const outbox = createOutbox(`${settings.storage}:`, ({ at: _at, ...entry }) => post(entry));
  const session = createSession(outbox);
  const pace = createPace(settings.break_after_min);
  const drafts = createDrafts(`${settings.storage}/draft:`, settings.guideline.sha);
  const cards = createCards(settings.task, signal);
  const { form } = settings;
  const single =
    (settings.task === "pairwise" && !form["criteria"].length) ||
    (settings.task === "classification" && !form["several"]);
  const immediate = single && !settings.ask_reason;

  /** @type {string | undefined} */
  let current;
  /** What was last on the screen, null before anything was. @type {string | null | undefined} */
  let onScreen = null;
  let reviewing = false;
  /** An answer whose feedback is waited for. @type {{key: string, uuid: string} | undefined} */
  let awaited;
  let connected = false;
  /** @type {Set<string>} */
  let cited = new Set();
  /** @type {Set<string>} */
  let flagged = new Set();
  /** @type {Panel | undefined} */
  let panel;
  let panelAction = ""; // the action that opened it
  let nAside = 0;
  let begunBefore = false; // what is on the screen was begun under another version of the guideline
  let shownAt = 0;
  let hiddenAt = 0;
  /** Answers whose worth was shown: one that is sent again is acknowledged again. @type {Set<string>} */
  const revealed = new Set();
  const asked = { hello: 0, fetch: 0, more: 0, begin: 0, here: Date.now() }; // begin: 0 when nothing is waited for

  /** @param {object} content */
  function post(content) {
    try {
      model.send(content);
    } catch {
      // The comm is closed. The missing acknowledgement says so to the annotator.
    }
  }

  /** @param {string} action @param {string} text @param {string} [name] */
  function button(action, text, name = "tool") {
    const made = makeButton(name, make("span", "", text), keys.kbds(action));
    made.setAttribute("aria-keyshortcuts", keys.of(action).join(" "));
    made.addEventListener("click", () => act(action), { signal });
    return made;
  }

  const frame = createFrame(settings, button, keys.kbds);
  const { root, tools } = frame;
  const aside = createAside(settings.guideline, keys.kbds, signal, citeClause);
  frame.body.append(aside.element);
  const control = /** @type {(desk: Desk) => Control} */ (CONTROLS[settings.task])({
    settings,
    signal,
    immediate,
    save,
    changed,
    button,
    kbds: keys.kbds,
    tell: (words) => say(frame.spoken, words),
    post,
    takeKeys,
  });
  frame.controlPlace.append(control.element);
  const outer = make("div", "frame", root);
  el.append(outer);

  // ---- which question is on the screen ------------------------------------------------------------------------

  const open = () => session.open();

  /** @param {string | undefined} key @param {boolean} [again] whether an answer given before is looked at again */
  function show(key, again = false) {
    putAway();
    current = key;
    reviewing = again && key !== undefined && session.isDone(key);
    awaited = undefined;
    shownAt = performance.now();
    hiddenAt = document.hidden ? shownAt : 0;
    warn(frame.missing, "");
    fill();
    refresh();
    if (onScreen !== null && onScreen !== key) requestAnimationFrame(toTop); // with the frame's own layout
    onScreen = key;
    setTimeout(buildAhead); // after the screen has changed
  }

  /** Begin what is new on the screen at its beginning. A page on which somebody works elsewhere stays where it is. */
  function toTop() {
    for (const box of frame.card.querySelectorAll(".wb-scroll")) box.scrollTop = 0;
    if (panel || !root.contains(document.activeElement)) return;
    (frame.card.querySelector("h2") ?? frame.card).scrollIntoView({ block: "nearest" }); // a card may be too tall itself
  }

  /** Put the question at hand on the screen, with what was begun or given before. */
  function fill() {
    const question = current ? session.questions.get(current) : undefined;
    if (!current || !question) {
      frame.card.replaceChildren(current ? make("div", "finished", "Loading…") : finished());
      return;
    }
    const draft = drafts.get(current);
    const given = session.given(current);
    const remarks = draft ?? given;
    frame.reason.value = remarks?.reason ?? "";
    frame.comment.value = remarks?.comment ?? "";
    begunBefore = Boolean(draft && draft.guideline !== settings.guideline.sha);
    const clauses = new Set(settings.guideline.clauses.map((clause) => clause.id));
    cited = new Set(remarks?.clauses?.filter((id) => clauses.has(id)));
    flagged = new Set(remarks?.flags?.filter((flag) => settings.flags.includes(flag)));
    const item = cards.of(question);
    if (root.dataset["view"] === "difference") cards.showDifferences(question, item);
    frame.card.replaceChildren(item);
    control.turns?.(current, session.turns.get(current) ?? []);
    control.ask(question, draft?.answer ?? given?.answer, !draft?.answer && Boolean(given));
  }

  /** Keep what was begun on the question at hand. */
  function putAway() {
    if (!current || !session.questions.has(current)) return;
    const given = reviewing ? session.given(current) : undefined;
    const draft = {
      answer: control.draft(),
      reason: frame.reason.value,
      comment: frame.comment.value,
      clauses: [...cited],
      flags: [...flagged],
    };
    if (given && JSON.stringify(given.answer) === JSON.stringify(draft.answer)) draft.answer = undefined;
    drafts.put(current, draft);
  }

  function buildAhead() {
    const next = open().slice(0, AHEAD);
    cards.keepOnly(new Set([current, ...next, ...session.done.slice(-AHEAD)]));
    for (const key of next) {
      const question = session.questions.get(key);
      if (question) cards.of(question);
    }
    fetchTexts();
    askForMore();
  }

  function fetchTexts() {
    const now = Date.now();
    if (now - asked.fetch < RETRY_MS) return;
    const questions = session.missing(CHUNK);
    if (!questions.length) return;
    asked.fetch = now;
    post({ type: "fetch", questions });
  }

  function askForMore() {
    const now = Date.now();
    const few = open().length < FEW && session.phase === "live";
    if (!settings.open || !few || now - asked.more < (session.nLeft ? RETRY_MS : 3 * RETRY_MS)) return;
    asked.more = now;
    post({ type: "more" });
  }

  function finished() {
    const answers = session.queue.map((key) => session.given(key)?.answer).filter((one) => one !== undefined);
    const nSkipped = session.queue.filter((key) => session.whySkipped(key) !== undefined).length;
    const lines = [...(control.tally?.(answers) ?? [])].map(([words, n]) => `${words}: ${n}`);
    if (nSkipped) lines.push(`Skipped: ${nSkipped}`);
    let head = `All ${session.queue.length} items are answered. Thank you.`;
    if (nSkipped) head = `${answers.length} items are answered, ${nSkipped} skipped. Thank you.`;
    if (settings.open && session.nLeft) head = "Others hold the items that are left. This page looks for free ones.";
    const [undo] = keys.of("undo");
    return make(
      "div",
      "finished",
      make("h2", "", head),
      make("ul", "", ...lines.map((line) => make("li", "", line))),
      make("p", "", `To look at the last answer again press ${undo?.toUpperCase() ?? "Undo"}.`),
    );
  }

  // ---- what is done with it -----------------------------------------------------------------------------------

  function changed() {
    warn(frame.missing, "");
    if (!immediate) putAway();
  }

  /** Save the answer on the screen and go on. */
  function save() {
    const question = current ? session.questions.get(current) : undefined;
    if (!current || !question || awaited || panel?.stays) return;
    const answer = control.read();
    if (typeof answer === "string") {
      warn(frame.missing, answer);
      return;
    }
    if (settings.ask_reason && !frame.reason.value.trim()) {
      warn(frame.missing, "This guideline asks for a reason with every answer.");
      frame.reason.focus();
      return;
    }
    const key = current;
    const duration = (performance.now() - shownAt) / 1000;
    const entry = outbox.add({
      type: "answer",
      question: key,
      guideline: settings.guideline.sha,
      answer,
      reason: frame.reason.value.trim(),
      comment: frame.comment.value.trim(),
      clauses: [...cited],
      flags: [...flagged],
      duration_s: Math.round(duration * 1000) / 1000,
    });
    if (!reviewing) pace.answered(duration);
    done(key);
    if (session.phase === "practice" || settings.waits) {
      awaited = { key, uuid: entry.uuid };
      say(frame.spoken, "Checking");
      refresh();
    } else {
      current = undefined;
      const next = open()[0];
      show(next);
      say(frame.spoken, `${control.said(answer, question)}. ${next ? frame.place.textContent : "All items are answered."}`);
    }
    outbox.pump();
    takeKeys();
  }

  /** @param {string} key */
  function done(key) {
    session.markDone(key);
    drafts.drop(key);
  }

  function undo() {
    if (session.phase === "practice") return;
    const until = reviewing && current ? session.done.indexOf(current) : session.done.length;
    const key = session.done[until - 1];
    if (!key) return;
    show(key, true);
    const given = session.given(key);
    const was = given ? `answered: ${control.said(given.answer, session.questions.get(key))}` : "skipped";
    say(frame.spoken, `Back to ${frame.place.textContent}, ${was}.`);
  }

  function later() {
    if (!current || reviewing || open().length < 2 || awaited) return;
    const key = current;
    putAway();
    session.putOff(key);
    show(open()[0]);
    say(frame.spoken, `Moved to the end. ${frame.place.textContent}`);
  }

  function skip() {
    if (!current || awaited || session.phase === "practice" || session.given(current)) return;
    const key = current;
    openPanel(
      skipPanel(settings.skip_reasons, (reason) => {
        outbox.add({ type: "skip", question: key, guideline: settings.guideline.sha, reason });
        done(key);
        closePanel();
        current = undefined;
        show(open()[0]);
        say(frame.spoken, `Skipped. ${frame.place.textContent}`);
        outbox.pump();
      }),
    );
  }

  /** @param {string} id */
  function citeClause(id) {
    if (!cited.delete(id)) cited.add(id);
    changed();
    refresh();
  }

  /** @param {string | undefined} key */
  function goTo(key) {
    closePanel();
    if (key && key !== current) show(key, true);
    takeKeys();
  }

  // ---- panels -------------------------------------------------------------------------------------------------

  /** @param {Panel} next */
  function openPanel(next) {
    panel = next;
    frame.panel.replaceChildren(next.element);
    next.first?.focus({ preventScroll: true });
    next.element.scrollIntoView({ block: "nearest" });
  }

  function closePanel() {
    if (!panel) return;
    panel = undefined;
    frame.panel.replaceChildren();
    takeKeys();
  }

  function showOverview() {
    const places = session.queue.map((key) => ({
      key,
      state: /** @type {"answered" | "skipped" | "open"} */ (
        session.given(key) ? "answered" : session.whySkipped(key) !== undefined ? "skipped" : "open"
      ),
      current: key === current,
    }));
    openPanel(overviewPanel(places, goTo, settings.open && session.phase === "live" ? session.nLeft : undefined));
  }

  /** Show what an answer was worth. @param {AckMessage} ack */
  function reveal(ack) {
    if (current !== ack.question) show(ack.question, true);
    awaited = undefined;
    const question = session.questions.get(ack.question);
    openPanel(
      revealPanel(ack, question, control, aside, keys.of("save"), () => {
        closePanel();
        current = undefined;
        if (session.phase === "practice" && session.stands?.state !== "practising") showOutcome();
        else show(open()[0]);
      }),
    );
    refresh();
  }

  function showOutcome() {
    const { stands } = session;
    if (!stands) return;
    current = undefined;
    frame.card.replaceChildren();
    refresh();
    openPanel(
      outcomePanel(stands, keys.of("save"), () => {
        closePanel();
        begin();
      }),
    );
  }

  // ---- actions ------------------------------------------------------------------------------------------------

  /** @type {Record<string, () => void>} */
  const actions = {
    save,
    undo,
    later,
    skip,
    unanswered: () => goTo(session.nextUnanswered(current)),
    overview: showOverview,
    flag: () => {
      if (current && settings.flags.length) {
        openPanel(
          flagPanel(settings.flags, flagged, () => {
            changed();
            refresh();
          }),
        );
      }
    },
    reason: () => frame.reason.focus(),
    comment: () => {
      frame.commentLabel.hidden = false;
      frame.comment.focus();
    },
    clauses: () => {
      toggleGuideline(true);
      aside.readFirst();
    },
    search: () => {
      toggleGuideline(true);
      aside.search.focus();
    },
    guideline: () => toggleGuideline(),
    raw: () => view("raw"),
    difference: () => view("difference"),
    in_step: () => {
      cards.inStep = !cards.inStep;
      refresh();
    },
    keys: () => openPanel(keysPanel(keys.keys, keys.change, keys.reset)),
    down: () => cards.scroll(frame.card, 1),
    up: () => cards.scroll(frame.card, -1),
  };
  const KEEPS_FOCUS = new Set(["skip", "overview", "flag", "reason", "comment", "clauses", "search", "keys", "save"]);

  /** @param {string} action */
  function act(action) {
    if (panel && !panel.stays) closePanel();
    if (panel && !BESIDE_FEEDBACK.has(action) && !(action === "undo" && settings.waits && session.phase === "live")) return;
    if (panel && action === "undo") closePanel();
    const working = current && !awaited && session.questions.has(current);
    if (working && !panel && control.act(action)) return;
    panelAction = action;
    actions[action]?.();
    if (!KEEPS_FOCUS.has(action)) takeKeys();
  }

  /** @param {"raw" | "difference"} name */
  function view(name) {
    root.dataset["view"] = root.dataset["view"] === name ? "" : name;
    const question = current ? session.questions.get(current) : undefined;
    if (question && root.dataset["view"] === "difference") cards.showDifferences(question, cards.of(question));
    refresh();
  }

  /** @param {boolean} [visible] */
  function toggleGuideline(visible = !aside.visible) {
    root.dataset["guideline"] = visible ? "open" : "closed";
    if (visible) aside.element.scrollIntoView({ block: "nearest" });
    tellGuideline();
  }

  // Asking whether something is visible costs a layout, so it is not part of `refresh`, which every key runs.
  function tellGuideline() {
    set(tools.guideline, "aria-expanded", String(aside.visible));
  }

  function takeKeys() {
    if (document.activeElement !== root && !panel) root.focus({ preventScroll: true });
  }

  // ---- what the page says of itself ---------------------------------------------------------------------------

  function refresh() {
    const { sending, late, refused, final } = outbox.counts();
    const n = session.queue.length;
    const left = open().length;
    const live = session.phase === "live";
    const question = current ? session.questions.get(current) : undefined;
    const index = current ? session.queue.indexOf(current) + 1 : n;
    const which = live ? "Item" : "Practice";
    const of = settings.open && live ? "" : ` of ${n}`;
    const what = !reviewing ? "" : current && session.given(current) ? " · changing your answer" : " · skipped before";
    say(frame.place, current ? `${which} ${index}${of}${what}` : n || live ? "Finished" : "");
    frame.bar.max = Math.max(settings.open && live ? n + session.nLeft : n, 1);
    frame.bar.value = n - left;
    say(frame.pace, current ? pace.words(settings.open && live ? left + session.nLeft : left) : "");
    const nSaved = session.saved.size;
    const all = nSaved === 1 ? "1 answer saved" : `All ${nSaved} answers saved`;
    const line = !connected ? "Connecting…" : sending ? `${nSaved} saved · saving ${sending}…` : all;
    say(frame.status, late ? `${nSaved} saved · ${late} NOT SAVED` : connected && !nSaved && !sending ? "" : line);
    root.dataset["saving"] = late ? "late" : sending || !connected ? "sending" : "saved";
    root.dataset["phase"] = session.phase;
    root.dataset["waiting"] = String(Boolean(awaited));
    warn(
      frame.alarm,
      !late
        ? ""
        : refused
          ? `NOT SAVED: ${refused}`
          : "NOT SAVED: the kernel does not answer. Keep this page open; your answers are kept here and sent again." +
            " If this lasts, reload the page; in a notebook, run the cell again.",
    );
    frame.discard.hidden = !final;
    if (!final) frame.discard.dataset["sure"] = "";
    const given = `${final} refused answer${final === 1 ? "" : "s"}`;
    say(frame.discard, frame.discard.dataset["sure"] ? `Really give up ${given}?` : `Give up ${given}`);

    const notices = [];
    if (begunBefore && question) {
      notices.push(`You began this under another version of the guideline. Now it is ${settings.guideline.ref}.`);
    }
    if (session.trouble) notices.push(`No further items could be fetched: ${session.trouble}`);
    if (nAside) notices.push(`${nAside} answer${nAside === 1 ? "" : "s"} came after the time was up and did not count.`);
    const minutes = pace.breakDue();
    if (minutes) notices.push(`${minutes} minutes without a pause. A short break keeps judgments steady.`);
    warn(frame.notice, notices.join(" "));

    say(frame.citing, cited.size ? `Citing ${[...cited].join(", ")}` : "");
    say(frame.flagged, flagged.size ? `Flagged: ${[...flagged].join(", ")}` : "");
    aside.showCited(cited);
    root.dataset["chosen"] = choiceShown();
    for (const part of [frame.ask, frame.controlPlace, frame.reasonLabel, frame.citing, frame.flagged]) {
      part.hidden = !question;
    }
    frame.controlPlace.inert = Boolean(awaited) || Boolean(panel?.stays);
    frame.commentLabel.hidden = !question || (!frame.comment.value && document.activeElement !== frame.comment);
    const several = (question?.responses.length ?? 0) > 1;
    tools.save.hidden = !question || (immediate && !reviewing);
    for (const tool of [tools.skip, tools.later, tools.undo]) tool.hidden = !live;
    for (const tool of [tools.raw, tools.flag, tools.comment]) tool.hidden = !question;
    for (const tool of [tools.difference, tools.in_step]) tool.hidden = !several;
    set(tools.undo, "aria-disabled", String(!session.done.length));
    set(tools.later, "aria-disabled", String(reviewing || left < 2));
    set(tools.skip, "aria-disabled", String(!current || Boolean(session.given(current))));
    set(tools.raw, "aria-pressed", String(root.dataset["view"] === "raw"));
    set(tools.difference, "aria-pressed", String(root.dataset["view"] === "difference"));
    set(tools.in_step, "aria-pressed", String(cards.inStep));
  }

  /** Which of two responses the answer at hand prefers, so that its frame can show it. */
  function choiceShown() {
    if (settings.task !== "pairwise" || !reviewing || !current) return "";
    const choice = session.given(current)?.answer["choice"];
    return choice === "A" ? "left" : choice === "B" ? "right" : "";
  }

  // ---- keys ---------------------------------------------------------------------------------------------------

  root.addEventListener("keydown", press, { signal });

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.isComposing) return;
    const { target } = event;
    const writes = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
    if (writes && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      takeKeys();
      save();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      escape(target);
      return;
    }
    if (panel?.press?.(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (writes) {
      event.stopPropagation();
      return;
    }
    if (aside.move(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const presses = target instanceof HTMLButtonElement || (target instanceof HTMLElement && target.tagName === "SUMMARY");
    if (presses && (event.key === "Enter" || event.key === " ")) {
      event.stopPropagation();
      return; // the button itself does what it does
    }
    const action = keys.actionOf(event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (panel && !panel.stays) {
      if (action === panelAction) closePanel(); // no key answers behind an open panel
      return;
    }
    const repeats = ["down", "up", "row_down", "row_up"].includes(action);
    if (event.repeat && !repeats) return; // a key held down is one answer
    act(action);
  }

  /** @param {EventTarget | null} target */
  function escape(target) {
    if (target === aside.search) aside.clearSearch();
    if (panel && !panel.stays) {
      closePanel();
      refresh();
      return;
    }
    if (pace.breakDue()) {
      pace.carryOn();
      refresh();
    }
    const wasWriting = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
    takeKeys();
    if (!wasWriting && reviewing && !awaited && !panel) show(open()[0]);
    else refresh();
  }

  frame.reason.addEventListener("input", putAway, { signal });
  frame.comment.addEventListener("input", putAway, { signal });

  frame.discard.addEventListener(
    "click",
    () => {
      if (frame.discard.dataset["sure"]) {
        outbox.discard();
        session.done = session.done.filter(session.isDone);
        takeKeys();
        if (!current || awaited) show(open()[0]);
      } else frame.discard.dataset["sure"] = "yes";
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
      putAway();
      drafts.flush();
      if (outbox.size) event.preventDefault();
    },
    { signal },
  );

  // ---- messages -----------------------------------------------------------------------------------------------

  /** @param {Message} message */
  function receive(message) {
    connected = true;
    if (message.type === "state") takeState(message);
    else if (message.type === "questions") {
      session.learn(message.questions);
      asked.fetch = 0;
      if (message.questions.some((one) => one.key === current)) fill();
      setTimeout(fetchTexts);
    } else if (message.type === "ack") acknowledged(message);
    else if (message.type === "aside") {
      outbox.saved(message.uuid);
      session.drop(message.question);
      nAside += 1;
      if (current === message.question || awaited?.key === message.question) show(open()[0]);
      outbox.pump();
    } else if (message.type === "refused") {
      const ours = outbox.refused(message.uuid, message.message, message.final);
      if (!ours && message.uuid) {
        control.hear?.({ type: "said", uuid: message.uuid, question: "", text: "", done: true, error: message.message });
      }
      outbox.pump(); // a correction may have waited for this one
    } else control.hear?.(message);
    refresh();
  }

  /** @param {import("./types.js").StateMessage} message */
  function takeState(message) {
    const before = session.phase;
    const n = session.queue.length;
    session.take(message);
    asked.begin = 0;
    if (session.queue.length > n) asked.more = 0; // else there is nothing now, and asking at once would change nothing
    for (const given of Object.values(message.given)) outbox.saved(given.uuid);
    for (const [key, turns] of Object.entries(message.turns)) control.turns?.(key, turns);
    if (session.phase === "practice" && session.stands?.state !== "practising") {
      if (!panel?.stays) showOutcome();
      return;
    }
    const elsewhere = current && !reviewing && !awaited && session.isDone(current); // answered in another window
    const gone = current && !session.has(current);
    if (before !== session.phase || !current || elsewhere || gone) {
      if (!panel?.stays) show(open()[0]);
    } else if (current && !frame.card.querySelector(".wb-item")) fill();
    setTimeout(buildAhead);
  }

  /** @param {AckMessage} message */
  function acknowledged(message) {
    const { question: key, uuid } = message;
    outbox.saved(uuid);
    if (message.stands && session.phase === "live") return; // of practice that is over
    if (message.stands) session.stands = message.stands;
    if (message.given) {
      session.saved.set(key, message.given);
      session.skipped.delete(key);
    }
    if (message.skipped !== undefined) session.skipped.set(key, message.skipped);
    if (session.has(key) && !session.done.includes(key)) session.markDone(key); // else it has left the queue
    outbox.pump();
    const worth = Boolean(message.feedback) || Object.keys(message.checks ?? {}).length > 0;
    const reveals = worth && session.has(key) && !revealed.has(uuid);
    revealed.add(uuid);
    if (reveals) reveal(message);
    else if (awaited?.uuid === uuid) show(open()[0]);
    // Answered in another window meanwhile: do not ask again.
    else if (current && !reviewing && !awaited && !panel?.stays && session.isDone(current)) show(open()[0]);
    askForMore();
  }

  function tick() {
    const now = Date.now();
    if (!connected && now - asked.hello >= RETRY_MS) hello();
    if (asked.begin && now - asked.begin >= RETRY_MS) begin();
    if (now - lastAdopted >= RETRY_MS) adopt();
    if (settings.open && !document.hidden && now - asked.here >= HERE_MS) {
      asked.here = now;
      post({ type: "here" });
    }
    fetchTexts();
    askForMore();
    if (outbox.size) {
      outbox.pump();
      refresh();
    }
  }
  let lastAdopted = Date.now();
  function adopt() {
    lastAdopted = Date.now();
    if (outbox.adopt() && current && !reviewing && !awaited && session.isDone(current)) show(open()[0]);
  }
  function begin() {
    asked.begin = Date.now();
    post({ type: "begin" });
  }
  function hello() {
    asked.hello = Date.now();
    post({ type: "hello" });
  }

  model.on("msg:custom", receive);
  session.take(model.get("start"));
  outbox.adopt();
  session.done = session.queue.filter(session.isDone);
  if (session.phase === "practice" && session.stands?.state !== "practising") showOutcome();
  else show(open()[0]);
  hello();
  outbox.pump();
  refresh();
  const timer = setInterval(tick, TICK_MS);
  const resized = new ResizeObserver(tellGuideline);
  resized.observe(outer);

  return () => {
    putAway();
    drafts.flush();
    stop.abort();
    clearInterval(timer);
    control.stop?.();
    resized.disconnect();
    model.off("msg:custom", receive);
    outer.remove();
  };
}

export default { render };
