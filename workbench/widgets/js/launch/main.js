// @ts-check
/**
 * A form that starts a run: what it will cost is known before the button can be pressed. Python reads what is typed, and
 * starts only what it has estimated. Once started, the run is shown in the form's place.
 *
 * @typedef {{name: string, label: string, hint: string, type: string, value: string, optional: boolean,
 *   choices: string[], shown: string[], suggestions: string[], only: {name: string, values: string[]} | null}} Field
 * @typedef {{name: string, label: string, rows: number | null, held_out: number | null, summary: string,
 *   problem: string, fields: Field[]}} Kind
 * @typedef {string | string[]} Given what was typed, or ticked
 * @typedef {{row: HTMLElement, field: Field, value: () => Given}} Control
 * @typedef {{kinds: Kind[], notices: string[]}} Form
 * @typedef {{steps: number | null, tokens: number | null, memory_mb: number | null, seconds: number | null,
 *   lines: string[]}} Estimate
 * @typedef {import("../training/main.js").Model} Model
 */
import { freshId, make, makeButton, say, warn } from "../shared/dom.js";
import { render as renderRun } from "../training/main.js";
import { duration, many, memory } from "../training/words.js";

const PAUSE_MS = 350;
const SILENT_MS = 10_000;

/** @param {{model: Model, el: HTMLElement}} context */
function renderForm({ model, el }) {
  const stop = new AbortController();
  const { signal } = stop;
  /** @type {Form} */
  const form = model.get("form");
  const viewer = freshId(String(crypto.getRandomValues(new Uint32Array(1))[0]));
  let asked = 0;
  let awaited = "";
  let ready = "";
  let starting = "";
  /** @type {Map<string, Map<string, Given>>} what was given, by kind */
  const typed = new Map();
  /** @type {Map<string, Control>} */
  let controls = new Map();

  const root = make("div", "launch");
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "Start a training run");
  const notices = make("div", "notice");
  warn(notices, form.notices?.join(" ") ?? "");
  const trouble = make("div", "alarm");
  trouble.setAttribute("role", "alert");
  const kinds = make("select", "");
  kinds.id = freshId("kind");
  for (const kind of form.kinds ?? []) {
    const option = make("option", "", kind.problem ? `${kind.label} (not possible now)` : kind.label);
    option.value = kind.name;
    kinds.append(option);
  }
  const kindLabel = make("label", "", "Kind of run");
  kindLabel.htmlFor = kinds.id;
  const data = make("p", "data");
  const fields = make("div", "fields");
  const said = make("p", "said");
  said.setAttribute("role", "status");
  const numbers = make("dl", "facts");
  const lines = make("ul", "notes");
  const begin = makeButton("begin", "Start the run");
  begin.disabled = true;
  const why = make("span", "note");
  why.id = freshId("why");
  begin.setAttribute("aria-describedby", why.id);
  root.append(
    make("h2", "", "Start a training run"),
    notices,
    trouble,
    make("div", "field", kindLabel, kinds),
    data,
    fields,
    make("section", "estimate", make("h3", "", "What it will take"), said, numbers, lines),
    make("div", "actions", begin, why),
  );
  const frame = make("div", "frame", root);
  frame.dataset["lmSuppressShortcuts"] = "true";
  el.append(frame);

  /** @returns {Kind | undefined} */
  const kind = () => form.kinds?.find((one) => one.name === kinds.value);
  const options = () =>
    Object.fromEntries([...controls].filter(([, { row }]) => !row.hidden).map(([name, { value }]) => [name, value()]));
  const request = () => JSON.stringify([kinds.value, options()]);

  /** @param {Field} field @param {() => Given} value */
  function remember(field, value) {
    const own = typed.get(kinds.value) ?? new Map();
    own.set(field.name, value());
    typed.set(kinds.value, own);
    change();
  }

  /** @param {Field} field @returns {Control} */
  function makeTicks(field) {
    const ticked = typed.get(kinds.value)?.get(field.name) ?? [];
    const boxes = field.choices.map((choice) => {
      const box = make("input", "");
      box.type = "checkbox";
      box.value = choice;
      box.checked = ticked.includes(choice);
      return box;
    });
    const value = () => boxes.filter((box) => box.checked).map((box) => box.value);
    const named = boxes.map((box, place) => make("label", "", box, make("span", "", field.shown[place] ?? "")));
    const row = make("fieldset", "field", make("legend", "", field.label), make("div", "ticks", ...named));
    if (field.hint) describe(row, row, field.hint);
    row.addEventListener("input", () => remember(field, value));
    return { row, field, value };
  }

  /** @param {HTMLElement} row @param {HTMLElement} described @param {string} text */
  function describe(row, described, text) {
    const hint = make("span", "note", text);
    hint.id = freshId("hint");
    described.setAttribute("aria-describedby", hint.id);
    row.append(hint);
  }

  /** @param {Field} field @returns {Control} */
  function makeControl(field) {
    if (field.type === "several") return makeTicks(field);
    const id = freshId("setting");
    /** @type {HTMLInputElement | HTMLSelectElement} */
    let input;
    const row = make("div", "field");
    const label = make("label", "", field.label);
    label.htmlFor = id;
    if (field.type === "choice") {
      input = make("select", "");
      for (const [place, choice] of field.choices.entries()) {
        const option = make("option", "", field.shown[place] ?? "");
        option.value = choice;
        input.append(option);
      }
    } else {
      input = make("input", "");
      input.type = "text";
      input.autocomplete = "off";
      input.spellcheck = false;
      if (field.type !== "text") input.inputMode = field.type === "whole" ? "numeric" : "decimal";
    }
    input.id = id;
    input.value = String(typed.get(kinds.value)?.get(field.name) ?? field.value);
    row.append(label, input);
    if (field.suggestions.length && input instanceof HTMLInputElement) {
      const list = make("datalist", "");
      list.id = freshId("list");
      for (const one of field.suggestions) {
        const option = make("option", "");
        option.value = one;
        list.append(option);
      }
      input.setAttribute("list", list.id);
      row.append(list);
    }
    if (field.hint) describe(row, input, field.hint);
    const value = () => input.value;
    input.addEventListener("input", () => remember(field, value));
    return { row, field, value };
  }

  /** What there is to train on, in words. @param {Kind} now */
  function rowsOf(now) {
    if (now.rows === null) return now.summary;
    const heldOut = now.held_out ? `, ${many(now.held_out)} held out` : "";
    return `${many(now.rows)} rows to train on${heldOut}. ${now.summary}`;
  }

  function choose() {
    const now = kind();
    const made = now && !now.problem ? now.fields.map(makeControl) : [];
    controls = new Map(made.map((control) => [control.field.name, control]));
    fields.replaceChildren(...made.map(({ row }) => row));
    say(data, now ? now.problem || rowsOf(now) : "");
    data.classList.toggle("wb-refused", Boolean(now?.problem));
    change();
  }

  let timer = 0;
  function change() {
    for (const { row, field } of controls.values()) {
      const { only } = field;
      row.hidden = only !== null && !only.values.includes(String(controls.get(only.name)?.value() ?? ""));
    }
    ready = "";
    awaited = "";
    clearTimeout(timer);
    const now = kind();
    numbers.replaceChildren();
    lines.replaceChildren();
    warn(trouble, model.get("trouble") || "");
    const empty = [...controls.values()].find(({ value }) => Array.isArray(value()) && !value().length);
    say(said, !now || now.problem ? "Nothing to estimate." : empty ? `${empty.field.label}: tick some.` : "Estimating …");
    allow();
    if (now && !now.problem && !empty) timer = setTimeout(estimate, PAUSE_MS);
  }

  /** @param {string} type */
  function send(type) {
    asked = Date.now();
    const id = `${viewer} ${type} ${asked} ${Math.random()}`;
    try {
      model.send({ type, id, viewer, kind: kinds.value, options: options() });
    } catch {
      // No kernel: the silence is noticed.
    }
    return id;
  }

  function estimate() {
    awaited = send("estimate");
  }

  function allow() {
    begin.disabled = Boolean(starting) || !ready || ready !== request();
    say(begin, starting ? "Starting …" : "Start the run");
    say(why, begin.disabled && !starting ? "Possible once the estimate is there." : "");
  }

  /** @param {Estimate} found */
  function tell(found) {
    /** @type {[string, string | null][]} */
    const told = [
      ["Steps", found.steps === null ? null : many(found.steps)],
      ["Tokens", found.tokens === null ? null : many(found.tokens)],
      ["Memory", found.memory_mb === null ? null : `about ${memory(found.memory_mb)}`],
      ["Time", found.seconds === null ? null : `about ${duration(found.seconds)}`],
    ];
    numbers.replaceChildren(
      ...told.map(([name, value]) => make("div", "", make("dt", "", name), make("dd", "", value ?? "not known"))),
    );
    lines.replaceChildren(...found.lines.map((line) => make("li", "", line)));
    lines.hidden = !found.lines.length;
    say(said, "");
  }

  /** @param {any} message */
  function hear(message) {
    if (message?.type === "estimate" && message.id === awaited) {
      awaited = "";
      warn(trouble, message.trouble);
      if (message.trouble) {
        say(said, "No estimate: see above.");
      } else {
        tell(message.estimate);
        ready = request();
      }
      allow();
    } else if (message?.type === "start" && message.id === starting) {
      starting = "";
      warn(trouble, message.trouble);
      allow();
    }
  }

  begin.addEventListener(
    "click",
    () => {
      if (begin.disabled) return;
      starting = send("start");
      allow();
    },
    { signal },
  );
  kinds.addEventListener("change", choose, { signal });
  root.addEventListener("keydown", (event) => event.stopPropagation(), { signal });
  model.on("msg:custom", hear);
  const clock = setInterval(() => {
    if ((awaited || starting) && Date.now() - asked > SILENT_MS) {
      say(said, "The kernel has not answered yet. If it is gone, run the cell again.");
    }
  }, 1_000);
  // What can be run comes before what cannot.
  const possible = form.kinds?.find((one) => !one.problem);
  if (possible) kinds.value = possible.name;
  choose();

  return () => {
    stop.abort();
    clearTimeout(timer);
    clearInterval(clock);
    model.off("msg:custom", hear);
    frame.remove();
  };
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  let launched = Boolean(model.get("launched"));
  let remove = launched ? renderRun({ model, el }) : renderForm({ model, el });
  function change() {
    if (launched || !model.get("launched")) return;
    const focused = el.contains(document.activeElement);
    launched = true;
    remove();
    remove = renderRun({ model, el });
    if (focused) el.querySelector("button")?.focus();
  }
  model.on("change:launched", change);
  return () => {
    model.off("change:launched", change);
    remove();
  };
}

export default { render };
