// @ts-check
/**
 * A rating on each dimension, every step named.
 *
 * @typedef {import("../types.js").Control} Control
 * @typedef {import("../types.js").Desk} Desk
 */
import { createRows } from "./rows.js";

/** @param {Desk} desk @returns {Control} */
export function createLikert(desk) {
  /** @type {{name: string, steps: string[]}[]} */
  const dimensions = desk.settings.form["dimensions"];
  const rows = dimensions.map(({ name, steps }) => ({
    name,
    title: name,
    options: steps.map((text, index) => ({ value: index + 1, text: `${index + 1} ${text}`, action: `option_${index + 1}` })),
  }));
  const table = createRows(desk, "Your ratings");

  return {
    element: table.element,
    ask: (_question, answer) => table.show(rows, Object.entries(answer?.["ratings"] ?? {})),
    read: () =>
      table.missing().length
        ? `Not rated yet: ${table.missing().join(", ")}.`
        : { ratings: Object.fromEntries(table.values()) },
    draft: () => (table.values().size ? { ratings: Object.fromEntries(table.values()) } : undefined),
    act: (action) => table.act(action),
    said(answer) {
      return dimensions
        .map(({ name, steps }) => {
          const rating = answer["ratings"][name];
          return rating ? `${name}: ${rating} ${steps[rating - 1] ?? ""}` : "";
        })
        .filter(Boolean)
        .join("; ");
    },
  };
}
