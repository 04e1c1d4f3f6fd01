// @ts-check
/** The parts of the page that are there for every task type, put together; what they do is main.js's business. */
import { make, makeButton } from "../shared/dom.js";

/**
 * @param {import("./types.js").Settings} settings
 * @param {(action: string, text: string, name?: string) => HTMLButtonElement} button
 * @param {(action: string, most?: number) => Node} kbds
 */
export function createFrame(settings, button, kbds) {
  const root = make("div", "annotate");
  root.tabIndex = 0;
  root.dataset["lmSuppressShortcuts"] = "true"; // otherwise JupyterLab takes the letters: b would insert a cell
  root.dataset["task"] = settings.task;
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
  const discard = makeButton("discard");
  discard.hidden = true;
  const spoken = make("div", "spoken");
  spoken.setAttribute("aria-live", "polite");
  const notice = make("div", "notice");
  notice.setAttribute("role", "status");
  const panel = make("div", "panel-place");
  const card = make("div", "card");

  const ask = make("p", "ask", settings.title);
  const controlPlace = make("div", "control");
  const missing = make("p", "missing");
  missing.setAttribute("role", "alert");

  /** @param {string} name @param {string} text @param {string} action @param {string} hint */
  function writing(name, text, action, hint) {
    const box = make("textarea", name);
    box.rows = 1;
    box.maxLength = 20000;
    box.placeholder = hint;
    const label = make("label", "why", make("span", "", text, kbds(action)), box);
    return { box, label };
  }
  const reason = writing("reason", "Why? ", "reason", settings.ask_reason ? "needed; Esc returns to the keys" : "optional; Esc returns to the keys");
  const comment = writing("comment", "Note ", "comment", "to whoever runs this pilot: what is odd about the item");
  const citing = make("p", "citing");
  const flagged = make("p", "citing");

  const tools = {
    save: button("save", "Save", "save"),
    undo: button("undo", "Undo"),
    later: button("later", "Later"),
    skip: button("skip", "Skip"),
    flag: button("flag", "Flag"),
    comment: button("comment", "Note"),
    raw: button("raw", settings.task === "factual_accuracy" ? "Formatted" : "As written"),
    difference: button("difference", "Differences"),
    in_step: button("in_step", "In step"),
    guideline: button("guideline", "Guideline"),
    overview: button("overview", "All items"),
    keys: button("keys", "Keys"),
  };
  const hint = make("span", "hint", "Click here, or Tab to this frame, to answer with the keyboard");
  const { save, undo, later, skip, flag, comment: note, ...views } = tools;
  const toolbar = make("div", "tools", save, undo, later, skip, flag, note, make("div", "views", ...Object.values(views)));

  const work = make("div", "work", card, ask, controlPlace, missing, reason.label, comment.label, citing, flagged, toolbar, hint);
  const body = make("div", "body", work);
  root.append(make("div", "top", place, bar, pace, status), alarm, discard, notice, spoken, panel, body);
  return {
    root,
    body,
    place,
    bar,
    pace,
    status,
    alarm,
    discard,
    spoken,
    notice,
    panel,
    card,
    ask,
    controlPlace,
    missing,
    reason: reason.box,
    reasonLabel: reason.label,
    comment: comment.box,
    commentLabel: comment.label,
    citing,
    flagged,
    tools,
  };
}
