// @ts-check
/**
 * One class: one key. Or several: a key for each, then save.
 *
 * @typedef {import("../types.js").Answer} Answer
 * @typedef {import("../types.js").Control} Control
 * @typedef {import("../types.js").Desk} Desk
 */
import { make, makeButton, set } from "../../shared/dom.js";

/** @param {Desk} desk @returns {Control} */
export function createClassification(desk) {
  /** @type {{name: string, means: string}[]} */
  const classes = desk.settings.form["classes"];
  const several = Boolean(desk.settings.form["several"]);
  /** @type {Set<string>} */
  let chosen = new Set();

  const buttons = classes.map((one, index) => {
    const button = makeButton("class", make("span", "class-name", one.name));
    if (one.means) button.append(make("span", "note", one.means));
    button.append(desk.kbds(`option_${index + 1}`));
    button.addEventListener(
      "click",
      () => {
        choose(one.name);
        desk.takeKeys();
      },
      { signal: desk.signal },
    );
    return button;
  });
  const element = make("div", "classes", ...buttons);
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", several ? "Classes that fit, one or more" : "The class that fits");

  /** @param {string} name */
  function choose(name) {
    if (!several) chosen = new Set([name]);
    else if (!chosen.delete(name)) chosen.add(name);
    desk.changed();
    if (desk.immediate) {
      desk.save();
      return;
    }
    desk.tell(`${name}${chosen.has(name) ? "" : " taken back"}`);
    refresh();
  }
  function refresh() {
    buttons.forEach((button, index) => set(button, "aria-pressed", String(chosen.has(classes[index]?.name ?? ""))));
  }
  /** @returns {Answer} */
  const value = () => ({ classes: classes.map((one) => one.name).filter((name) => chosen.has(name)) });

  return {
    element,
    ask(_question, answer) {
      const known = new Set(classes.map((one) => one.name));
      chosen = new Set(/** @type {string[]} */ (answer?.["classes"] ?? []).filter((name) => known.has(name)));
      refresh();
    },
    read: () => (chosen.size ? value() : several ? "Choose one class or more." : "Choose a class."),
    draft: () => (chosen.size ? value() : undefined),
    act(action) {
      const digit = /^option_(\d+)$/.exec(action);
      const one = digit ? classes[Number(digit[1]) - 1] : undefined;
      if (one) choose(one.name);
      return Boolean(one);
    },
    said: (answer) => answer["classes"].join(", "),
    tally: (answers) =>
      classes.map(({ name }) => [name, answers.filter((one) => one["classes"].includes(name)).length]),
  };
}
