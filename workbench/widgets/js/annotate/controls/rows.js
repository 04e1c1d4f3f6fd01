// @ts-check
/**
 * Questions under each other, each with a few answers side by side: criteria, dimensions, requirements, a form.
 *
 * A key answers the row the cursor is at and moves on to the next open one. Within a row the arrow keys move between
 * the answers, as in any group of radio buttons.
 *
 * @typedef {{value: any, text: string, means?: string, action: string}} Option
 * @typedef {{name: string, title: string, means?: string, options: Option[]}} Row
 * @typedef {import("../types.js").Desk} Desk
 */
import { freshId, make, makeButton, set } from "../../shared/dom.js";

const LONG = 24; // characters of an answer; longer ones get room of their own

/**
 * @param {Desk} desk
 * @param {string} label what the rows are together
 */
export function createRows(desk, label) {
  const element = make("div", "rows");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", label);
  /** @type {{row: Row, element: HTMLElement, buttons: HTMLButtonElement[]}[]} */
  let shown = [];
  /** @type {Map<string, any>} */
  let values = new Map();
  let at = 0;

  /** @param {Row} row @param {number} index */
  function build(row, index) {
    const title = make("span", "row-title", row.title);
    title.id = freshId("row");
    const buttons = row.options.map((option) => {
      const button = makeButton("option", make("span", "", option.text));
      button.append(desk.kbds(option.action, 1));
      button.setAttribute("role", "radio");
      if (option.means) button.title = option.means;
      button.addEventListener(
        "click",
        () => {
          at = index;
          choose(option.value);
        },
        { signal: desk.signal },
      );
      button.addEventListener("keydown", (event) => walk(event, index), { signal: desk.signal });
      return button;
    });
    const options = make("div", "options", ...buttons);
    options.setAttribute("role", "radiogroup");
    options.setAttribute("aria-labelledby", title.id);
    const head = make("div", "row-head", title, ...(row.means ? [make("span", "note", row.means)] : []));
    const made = make("div", "row", head, options);
    made.addEventListener(
      "focusin",
      () => {
        if (at === index) return;
        at = index;
        refresh();
      },
      { signal: desk.signal },
    );
    return { row, element: made, buttons };
  }

  /** @param {KeyboardEvent} event @param {number} index */
  function walk(event, index) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const own = shown[index];
    if (!step || !own || event.ctrlKey || event.metaKey || event.altKey) return;
    const n = own.buttons.length;
    const here = own.buttons.findIndex((button) => button === event.target);
    const there = (here + step + n) % n;
    event.preventDefault();
    event.stopPropagation();
    values.set(own.row.name, own.row.options[there]?.value);
    desk.changed();
    refresh();
    own.buttons[there]?.focus();
  }

  /** Answer the row at the cursor and go on. @param {any} value */
  function choose(value) {
    const own = shown[at];
    if (!own) return;
    values.set(own.row.name, value);
    const next = shown.findIndex((one, index) => index > at && !values.has(one.row.name));
    const open = next >= 0 ? next : shown.findIndex((one) => !values.has(one.row.name));
    desk.tell(`${own.row.title}: ${own.row.options.find((option) => option.value === value)?.text ?? ""}`);
    if (open >= 0) at = open;
    else if (at < shown.length - 1) at += 1;
    desk.changed();
    refresh();
    shown[at]?.element.scrollIntoView({ block: "nearest" });
    desk.takeKeys();
  }

  function refresh() {
    shown.forEach(({ row, element: made, buttons }, index) => {
      made.dataset["here"] = String(index === at);
      made.dataset["answered"] = String(values.has(row.name));
      const chosen = row.options.findIndex((option) => option.value === values.get(row.name));
      buttons.forEach((button, place) => {
        set(button, "aria-checked", String(place === chosen));
        button.tabIndex = place === Math.max(chosen, 0) ? 0 : -1; // one stop a row, as for radio buttons
      });
    });
  }

  return {
    element,
    /**
     * @param {Row[]} rows
     * @param {Iterable<[string, any]>} [given] what is not among the rows was asked by another version of the guideline
     */
    show(rows, given = []) {
      const asked = new Map(rows.map((row) => [row.name, row.options.map((option) => option.value)]));
      values = new Map([...given].filter(([name, value]) => asked.get(name)?.includes(value)));
      const same = rows.length === shown.length && rows.every((row, index) => row === shown[index]?.row);
      if (!same) {
        shown = rows.map(build);
        element.dataset["long"] = String(rows.some((row) => row.options.some((option) => option.text.length > LONG)));
        element.replaceChildren(...shown.map((one) => one.element));
      }
      at = Math.max(0, rows.findIndex((row) => !values.has(row.name)));
      refresh();
    },
    values: () => values,
    /** Titles of the rows without an answer. */
    missing: () => shown.filter(({ row }) => !values.has(row.name)).map(({ row }) => row.title),
    /** @param {string} name @param {any} value */
    put(name, value) {
      values.set(name, value);
      refresh();
    },
    /** @param {string} name */
    clear(name) {
      values.delete(name);
      refresh();
    },
    /** @param {string} action @returns {boolean} */
    act(action) {
      if (action === "row_down" || action === "row_up") {
        const step = action === "row_down" ? 1 : -1;
        at = Math.min(Math.max(at + step, 0), shown.length - 1);
        refresh();
        shown[at]?.element.scrollIntoView({ block: "nearest" });
        desk.tell(shown[at]?.row.title ?? "");
        return true;
      }
      const option = shown[at]?.row.options.find((one) => one.action === action);
      if (option) choose(option.value);
      return Boolean(option);
    },
    refresh,
  };
}
