// @ts-check
/**
 * A verdict on each requirement of the item.
 *
 * @typedef {import("../types.js").Control} Control
 * @typedef {import("../types.js").Desk} Desk
 */
import { createRows } from "./rows.js";

/** @type {Record<string, string>} */
export const VERDICTS = { yes: "Followed", no: "Not followed", not_applicable: "Does not apply" };

/** @param {Desk} desk @returns {Control} */
export function createChecklist(desk) {
  /** @type {string[]} */
  const verdicts = desk.settings.form["verdicts"];
  const options = verdicts.map((value) => ({ value, text: VERDICTS[value] ?? value, action: value }));
  const table = createRows(desk, "Was each instruction followed?");

  return {
    element: table.element,
    ask(question, answer) {
      const rows = question.checks.map(({ name, text }) => ({ name, title: text, options }));
      table.show(rows, Object.entries(answer?.["checks"] ?? {}));
    },
    read: () =>
      table.missing().length
        ? `${table.missing().length} not answered yet: ${table.missing()[0]}`
        : { checks: Object.fromEntries(table.values()) },
    draft: () => (table.values().size ? { checks: Object.fromEntries(table.values()) } : undefined),
    act: (action) => table.act(action),
    said(answer, question) {
      const texts = new Map(question?.checks.map((one) => [one.name, one.text]));
      return Object.entries(answer["checks"])
        .map(([name, verdict]) => `${texts.get(name) ?? name}: ${VERDICTS[/** @type {string} */ (verdict)]}`)
        .join("; ");
    },
  };
}
