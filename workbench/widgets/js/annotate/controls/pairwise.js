// @ts-check
/**
 * Which of two responses is better: one key. Where the guideline asks for more, how much better, or criterion by
 * criterion before the overall choice.
 *
 * @typedef {import("../types.js").Answer} Answer
 * @typedef {import("../types.js").Control} Control
 * @typedef {import("../types.js").Desk} Desk
 * @typedef {"A" | "B" | "tie" | "both_bad"} Choice A stands for the left response, B for the right one
 */
import { make, makeButton, set } from "../../shared/dom.js";
import { createRows } from "./rows.js";

/** @type {Record<Choice, string>} */
const SAID = { A: "Left is better", B: "Right is better", tie: "Tie", both_bad: "Both bad" };
/** @type {Record<Choice, string>} */
const SHORT = { A: "Left", B: "Right", tie: "Tie", both_bad: "Both bad" };
/** @type {Record<string, Choice>} */
const CHOICES = { left: "A", tie: "tie", both_bad: "both_bad", right: "B" };
const HOW_MUCH = ["", "slightly", "clearly", "far"];
const OVERALL = "";

/** @param {number} strength */
function strengthSaid(strength) {
  if (!strength) return "Tie";
  return `${strength < 0 ? "Left" : "Right"} ${HOW_MUCH[Math.abs(strength)] ?? ""} better`;
}

/** @param {Answer} answer */
function said(answer) {
  const { choice, strength, criteria } = answer;
  const overall = strength ? strengthSaid(strength) : SAID[/** @type {Choice} */ (choice)];
  const each = Object.entries(criteria ?? {}).map(([name, one]) => `${name}: ${SHORT[/** @type {Choice} */ (one)]}`);
  return [overall, ...each].join("; ");
}

/** @param {Answer[]} answers @returns {[string, number][]} */
function tally(answers) {
  return Object.values(CHOICES)
    .map((choice) => /** @type {[string, number]} */ ([SAID[choice], answers.filter((one) => one["choice"] === choice).length]))
    .filter(([, n], index) => n || index !== 2);
}

/** @param {Desk} desk @returns {Control} */
export function createPairwise(desk) {
  const { form } = desk.settings;
  return form["criteria"].length ? byCriteria(desk) : overall(desk);
}

/** One choice, with a strength where it is asked. @param {Desk} desk @returns {Control} */
function overall(desk) {
  const { form } = desk.settings;
  /** @type {{choice: Choice, strength?: number} | undefined} */
  let value;
  /** @type {[HTMLButtonElement, {choice: Choice, strength?: number}][]} */
  const buttons = [];

  /** @param {{choice: Choice, strength?: number}} chosen */
  function choose(chosen) {
    value = chosen;
    desk.changed();
    if (desk.immediate) desk.save();
    else refresh();
  }
  function refresh() {
    for (const [button, its] of buttons) {
      set(button, "aria-pressed", String(its.choice === value?.choice && its.strength === value?.strength));
    }
  }

  const element = make("div", "choices");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "Your judgment");
  if (form["strength"]) {
    const [lowest, highest] = form["strength"];
    for (let strength = lowest; strength <= highest; strength += 1) {
      const choice = strength < 0 ? "A" : strength > 0 ? "B" : "tie";
      const action = `option_${strength - lowest + 1}`;
      const button = makeButton("choice", make("span", "", strengthSaid(strength)), desk.kbds(action));
      button.addEventListener("click", () => desk.takeKeys(), { signal: desk.signal });
      button.addEventListener("click", () => choose({ choice, strength }), { signal: desk.signal });
      buttons.push([button, { choice, strength }]);
    }
  } else {
    for (const action of ["left", "tie", "right"]) {
      const choice = CHOICES[action] ?? "tie";
      buttons.push([desk.button(action, SAID[choice], "choice"), { choice }]);
    }
  }
  if (form["choices"].includes("both_bad")) {
    buttons.splice(Math.ceil(buttons.length / 2), 0, [desk.button("both_bad", SAID.both_bad, "choice"), { choice: "both_bad" }]);
  }
  element.dataset["n"] = String(buttons.length);
  element.append(...buttons.map(([button]) => button));

  return {
    element,
    ask(_question, answer) {
      value = answer && { choice: answer["choice"], ...("strength" in answer ? { strength: answer["strength"] } : {}) };
      if (value && form["strength"] && value.choice === "tie") value.strength = 0;
      refresh();
    },
    read: () => value ?? "Choose which response is better.",
    draft: () => value,
    act(action) {
      const choice = CHOICES[action];
      if (choice && form["choices"].includes(choice)) {
        choose(form["strength"] && choice === "tie" ? { choice, strength: 0 } : { choice });
        return true;
      }
      const digit = /^option_(\d+)$/.exec(action);
      if (!digit || !form["strength"]) return false;
      const strength = form["strength"][0] + Number(digit[1]) - 1;
      choose({ choice: strength < 0 ? "A" : strength > 0 ? "B" : "tie", strength });
      return true;
    },
    said,
    tally,
  };
}

/** A choice for each criterion, then the overall one. @param {Desk} desk @returns {Control} */
function byCriteria(desk) {
  const { form } = desk.settings;
  /** @type {import("./rows.js").Option[]} */
  const options = Object.entries(CHOICES)
    .filter(([, choice]) => form["choices"].includes(choice))
    .map(([action, choice]) => ({ value: choice, text: SHORT[choice], action }));
  /** @type {import("./rows.js").Option[]} */
  const strengths = [];
  if (form["strength"]) {
    const [lowest, highest] = form["strength"];
    for (let strength = lowest; strength <= highest; strength += 1) {
      strengths.push({ value: strength, text: strengthSaid(strength), action: `option_${strength - lowest + 1}` });
    }
  }
  const last = options.filter((one) => !strengths.length || one.value === "both_bad");
  const rows = [
    ...form["criteria"].map((/** @type {{name: string, means: string}} */ one) => ({
      name: one.name,
      title: one.name,
      means: one.means,
      options,
    })),
    { name: OVERALL, title: "Overall", options: [...strengths, ...last] },
  ];
  const table = createRows(desk, "Your judgment");

  /** @returns {Answer} */
  function value() {
    const given = new Map(table.values());
    const overallValue = given.get(OVERALL);
    given.delete(OVERALL);
    const criteria = Object.fromEntries(given);
    if (typeof overallValue !== "number") return { choice: overallValue, criteria };
    return { choice: overallValue < 0 ? "A" : overallValue > 0 ? "B" : "tie", strength: overallValue, criteria };
  }

  return {
    element: table.element,
    ask(_question, answer) {
      /** @type {[string, any][]} */
      const given = Object.entries(answer?.["criteria"] ?? {});
      const chosen = answer?.["strength"] ?? (strengths.length && answer?.["choice"] === "tie" ? 0 : answer?.["choice"]);
      if (chosen !== undefined) given.push([OVERALL, chosen]);
      table.show(rows, given);
    },
    read: () => (table.missing().length ? `Not answered yet: ${table.missing().join(", ")}.` : value()),
    draft: () => (table.values().size ? value() : undefined),
    act: (action) => table.act(action),
    said,
    tally,
  };
}
