// @ts-check
/**
 * What is shown after an answer, where the guideline says so: whether it was right and why, what machines found, and
 * how the practice stands.
 *
 * @typedef {import("./types.js").AckMessage} AckMessage
 * @typedef {import("./types.js").Control} Control
 * @typedef {import("./types.js").Question} Question
 * @typedef {import("./types.js").Stands} Stands
 * @typedef {import("./panels.js").Panel} Panel
 * @typedef {import("./aside.js").Aside} Aside
 */
import { VERDICTS } from "./controls/checklist.js";
import { kbds, make, makeButton } from "../shared/dom.js";
import { panelElement } from "./panels.js";

/** @param {number} n @param {string} word */
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/**
 * @param {AckMessage} ack
 * @param {Question | undefined} question
 * @param {Control} control
 * @param {Aside} aside
 * @param {string[]} saveKeys
 * @param {() => void} goOn
 * @returns {Panel}
 */
export function revealPanel(ack, question, control, aside, saveKeys, goOn) {
  const { feedback, checks, given, stands } = ack;
  /** @type {(Node | string)[]} */
  const parts = [];
  let title = "What the machine checks found";
  if (feedback && given) {
    title = feedback.right ? "✓ Right" : "✗ Not right";
    parts.push(make("p", "", make("b", "", "Your answer: "), control.said(given.answer, question)));
    if (!feedback.right) {
      parts.push(make("p", "", make("b", "", "Right answer: "), control.said(feedback.answer, question)));
    }
    if (feedback.explanation) parts.push(make("p", "why-text", feedback.explanation));
    if (feedback.clause) {
      const clause = make("blockquote", "text", aside.textOf(feedback.clause));
      parts.push(make("p", "", make("b", "", `${feedback.clause}. ${aside.titleOf(feedback.clause)}`)), clause);
      aside.open(feedback.clause);
    }
  }
  if (checks && Object.keys(checks).length) {
    const rows = (question?.checks ?? [])
      .filter((one) => checks[one.name])
      .map((one) => {
        const mine = String(given?.answer["checks"]?.[one.name] ?? "");
        const its = checks[one.name];
        const row = make("tr", "", make("th", "", one.text), make("td", "", VERDICTS[mine] ?? mine));
        row.firstElementChild?.setAttribute("scope", "row");
        row.append(make("td", "", `${VERDICTS[its?.verdict ?? ""] ?? ""}${its?.found ? ` (${its.found})` : ""}`));
        row.dataset["same"] = String(mine === its?.verdict);
        return row;
      });
    const head = make("tr", "", make("th", "", "Instruction"), make("th", "", "You"), make("th", "", "Machine"));
    parts.push(make("table", "checks", make("thead", "", head), make("tbody", "", ...rows)));
    if (!feedback) parts.push(make("p", "note", "Machines can be wrong too. Undo changes your answer."));
  }
  if (stands) parts.push(make("p", "note", standsSaid(stands)));
  const button = makeButton("choice", make("span", "", "Go on"), ...kbds(saveKeys));
  button.addEventListener("click", goOn);
  const element = panelElement("reveal", title, ...parts, button);
  if (feedback) element.dataset["right"] = String(feedback.right);
  element.setAttribute("role", "alertdialog");
  element.setAttribute("aria-modal", "false");
  return { element, first: button, stays: true, press: goOnKeys(saveKeys, goOn) };
}

/** @param {Stands} stands */
function standsSaid(stands) {
  const answered = stands.n_correct + stands.n_mistakes;
  return (
    `Practice: ${answered} of ${stands.n} answered, ${stands.n_correct} right. To pass: at least ` +
    `${stands.min_correct} right and at most ${plural(stands.max_mistakes, "mistake")}.`
  );
}

/**
 * How a practice ended.
 * @param {Stands} stands
 * @param {string[]} saveKeys
 * @param {() => void} goOn
 * @returns {Panel}
 */
export function outcomePanel(stands, saveKeys, goOn) {
  const { state, n_correct: right, n_mistakes: wrong } = stands;
  const score = `${right} right, ${plural(wrong, "mistake")}.`;
  const left = stands.attempts - stands.attempt;
  const button = makeButton("choice", make("span", "", state === "passed" ? "Start labelling" : "Try again"), ...kbds(saveKeys));
  button.addEventListener("click", goOn);
  if (state === "passed") {
    const words = `${score} From now on your answers count, and no answer is shown.`;
    return {
      element: panelElement("reveal", "✓ Practice passed", make("p", "", words), button),
      first: button,
      stays: true,
      press: goOnKeys(saveKeys, goOn),
    };
  }
  const rule = `${score} Needed: at least ${stands.min_correct} right and at most ${plural(stands.max_mistakes, "mistake")}.`;
  if (state === "failed") {
    const words = `${rule} Read the clauses again; you can try ${left === 1 ? "once more" : `${left} more times`}.`;
    return {
      element: panelElement("reveal", "Not passed yet", make("p", "", words), button),
      first: button,
      stays: true,
      press: goOnKeys(saveKeys, goOn),
    };
  }
  const words = `${rule} There are no more attempts. Please talk to whoever invited you.`;
  return { element: panelElement("reveal", "Not passed", make("p", "", words)), stays: true };
}

/** @param {string[]} keys @param {() => void} goOn @returns {(event: KeyboardEvent) => boolean} */
function goOnKeys(keys, goOn) {
  return (event) => {
    if (event.repeat || !(keys.includes(event.key) || event.key === " ")) return false;
    goOn();
    return true;
  };
}
