// @ts-check
/**
 * A run as it stands, followed. Everything is inserted as text: reasons, remarks and log come from a process that
 * printed whatever a model, a file or a library gave it.
 *
 * @typedef {import("./words.js").Shown} Shown
 * @typedef {{get(name: string): any, set(name: string, value: unknown): void, send(content: object): void,
 *   on(event: string, callback: (...given: any[]) => void): void,
 *   off(event: string, callback: (...given: any[]) => void): void}} Model
 */
import { freshId, make, makeButton, say, set, warn } from "../shared/dom.js";
import { Curve, MEASURES, Points } from "./curves.js";
import { facts, figure, many, standing } from "./words.js";

const WATCHING_MS = 4_000;
// The kernel answers each "watching" from a thread; silence for so long is a kernel that is gone.
const SILENT_MS = 9_000;
const KEEP_MS = 10_000;
const TABLE_ROWS = 25;
const OVER = ["done", "failed", "cancelled"];

/** @param {{model: Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const stop = new AbortController();
  const points = new Points();
  const group = freshId("curves");
  /** @type {Map<string, Curve>} */
  const curves = new Map();
  let heard = 0;
  let asked = 0;
  let kept = 0;
  let tableOf = "";

  const root = make("div", "training");
  root.setAttribute("role", "region");
  const title = make("h2", "");
  const taken = make("span", "note");
  const state = make("p", "state");
  state.setAttribute("role", "status");
  const alone = make("div", "notice");
  alone.setAttribute("role", "status");
  const trouble = make("div", "alarm");
  trouble.setAttribute("role", "alert");
  const bar = make("progress", "bar");
  bar.setAttribute("aria-label", "steps of this phase");
  const place = make("span", "place");
  const steps = make("div", "steps", bar, place);
  const told = make("dl", "facts");
  const notes = make("ul", "notes");
  const legend = make(
    "p",
    "legend",
    make("span", "key"),
    "training",
    make("span", "key wb-held-out-key"),
    "held out",
  );
  for (const key of legend.children) key.setAttribute("aria-hidden", "true");
  const thinned = make("span", "thinned");
  legend.append(thinned);
  const grid = make("div", "curves");
  const body = make("tbody", "");
  const head = make("tr", "");
  const scroller = make("div", "scroller", make("table", "table", make("thead", "", head), body));
  scroller.tabIndex = 0; // scrolls on a narrow page, so it has to be reached
  scroller.setAttribute("role", "group");
  scroller.setAttribute("aria-label", "numbers of the curves");
  const numbers = make("details", "numbers", make("summary", "", "Numbers as a table"), scroller);
  const log = make("pre", "log");
  log.tabIndex = 0; // scrolls, so it has to be reached
  log.setAttribute("aria-label", "last lines of the log");
  const logged = make("details", "logged", make("summary", "", "Last lines of the log"), log);

  // Stopping, in two steps: a question in the page, and its answer.
  const cancel = makeButton("quiet", "Stop the run …");
  const yes = makeButton("danger", "Stop it");
  const no = makeButton("quiet", "Let it go on");
  const question = make("p", "", "Stop this run? Its checkpoints and curves stay in its folder.");
  question.id = freshId("question");
  const confirm = make("div", "confirm", question, yes, no);
  confirm.setAttribute("role", "group");
  confirm.setAttribute("aria-labelledby", question.id);
  confirm.hidden = true;

  root.append(
    make("div", "head", title, taken),
    state,
    trouble,
    alone,
    steps,
    make("div", "actions", cancel, confirm),
    told,
    notes,
    legend,
    grid,
    numbers,
    logged,
  );
  const frame = make("div", "frame", root);
  frame.dataset["lmSuppressShortcuts"] = "true"; // else Enter and Escape are JupyterLab's
  el.append(frame);

  /** @returns {Shown | null} */
  function shown() {
    const given = model.get("shown");
    return given && given.state ? given : null;
  }

  function show() {
    warn(trouble, model.get("trouble") ? `Not up to date: ${model.get("trouble")}` : "");
    const now = shown();
    root.classList.toggle("wb-empty", !now);
    if (!now) return;
    say(title, `Run ${now.name}`);
    set(root, "aria-label", `Training run ${now.name}`);
    say(taken, `as of ${new Date(now.at).toLocaleTimeString()}`);
    say(state, standing(now));
    set(state, "data-state", now.cancelling ? "stopping" : now.state);
    const over = OVER.includes(now.state);
    steps.hidden = !now.steps || now.state === "queued";
    bar.max = Math.max(now.steps, 1);
    bar.value = now.step;
    say(place, `step ${many(now.step)} of ${many(now.steps)}`);
    if ((over || now.cancelling) && !confirm.hidden) ask(false);
    cancel.hidden = over || !confirm.hidden;
    cancel.disabled = now.cancelling;
    told.replaceChildren(...facts(now).map(([name, value]) => make("div", "", make("dt", "", name), make("dd", "", value))));
    told.hidden = !told.children.length;
    if (notes.textContent !== now.notes.join("")) notes.replaceChildren(...now.notes.map((note) => make("li", "", note)));
    notes.hidden = !now.notes.length;
    showLog();
  }

  function showLog() {
    const text = model.get("log");
    logged.hidden = !text;
    if (log.textContent === text) return;
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    log.textContent = text;
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function draw() {
    for (const measure of MEASURES) {
      const wanted = points.measures().includes(measure);
      const curve = curves.get(measure.name);
      if (curve && !wanted) {
        curve.remove();
        curves.delete(measure.name);
      } else if (!curve && wanted) {
        curves.set(measure.name, new Curve(measure, group));
      }
    }
    const order = MEASURES.flatMap(({ name }) => curves.get(name) ?? []);
    if (order.some((curve, index) => grid.children[index] !== curve.element)) {
      grid.append(...order.map((curve) => curve.element));
    }
    for (const curve of order) curve.show(points);
    legend.hidden = !order.length;
    say(thinned, points.width > 1 ? `by step; each point is the mean of ${points.width} steps` : "by step");
    numbers.hidden = !order.length;
    fit();
    table();
  }

  function fit() {
    for (const curve of curves.values()) curve.fit(Math.floor(curve.plot.clientWidth));
  }

  /** The same numbers for those who do not see curves: a few rows, evenly spread, and the last. */
  function table() {
    if (!numbers.open) return;
    const version = `${points.epoch} ${points.rows.length} ${points.rows.at(-1)}`;
    if (version === tableOf) return;
    tableOf = version;
    const columns = points.columns.filter((name) => name === "step" || points.column(name).some((value) => value !== null));
    head.replaceChildren(
      ...columns.map((name) => {
        const cell = make("th", "", name.replace("eval_", "held-out ").replaceAll("_", " "));
        cell.scope = "col";
        return cell;
      }),
    );
    const every = Math.max(1, Math.ceil(points.rows.length / TABLE_ROWS));
    const chosen = points.rows.filter(
      (row, index) => index % every === 0 || index === points.rows.length - 1 || heldOut(row),
    );
    body.replaceChildren(
      ...chosen
        .slice(-4 * TABLE_ROWS)
        .map((row) => make("tr", "", ...columns.map((name) => make("td", "", figure(row[points.columns.indexOf(name)]))))),
    );
  }

  /** @param {(number | null)[]} row */
  function heldOut(row) {
    return points.columns.some((name, index) => name.startsWith("eval_") && (row[index] ?? null) !== null);
  }

  /** @param {any} message */
  function hear(message) {
    heard = Date.now();
    asked = 0;
    if (message?.type === "points") {
      if (points.take(message)) {
        if (message.points.length) schedule();
      } else {
        watching(); // something before it is missing: ask for it
      }
    }
    connection();
  }

  let waiting = 0;
  /** Draw at most once a frame, however many messages come. */
  function schedule() {
    if (waiting) return;
    waiting = requestAnimationFrame(() => {
      waiting = 0;
      draw();
      keep();
    });
  }

  /** Put the points where the notebook's saved state has them; nothing is sent. */
  function keep() {
    if (Date.now() - kept < KEEP_MS && !OVER.includes(shown()?.state ?? "")) return;
    kept = Date.now();
    model.set("history", points.whole());
  }

  function watching() {
    if (document.hidden) return;
    asked ||= Date.now();
    try {
      model.send({ type: "watching", epoch: points.epoch, have: points.rows.length });
    } catch {
      // No kernel, which `connection` finds from the silence.
    }
  }

  function connection() {
    const now = shown();
    const lost = asked && Date.now() - asked > SILENT_MS;
    cancel.title = "";
    if (!now || (heard && !lost)) warn(alone, "");
    else if (!lost) warn(alone, "Connecting to the kernel …");
    else {
      const since = new Date(now.at).toLocaleString();
      const on = OVER.includes(now.state) ? "" : " The run goes on without it.";
      warn(alone, `Not connected to a kernel: this is how the run stood on ${since}.${on} Run the cell again to follow it.`);
    }
  }

  /** @param {boolean} open */
  function ask(open) {
    const inside = confirm.contains(document.activeElement);
    confirm.hidden = !open;
    cancel.hidden = open || OVER.includes(shown()?.state ?? "");
    if (open) no.focus();
    else if (inside) (cancel.hidden || cancel.disabled ? logged.querySelector("summary") : cancel)?.focus();
  }

  const { signal } = stop;
  cancel.addEventListener("click", () => ask(true), { signal });
  no.addEventListener("click", () => ask(false), { signal });
  yes.addEventListener(
    "click",
    () => {
      asked ||= Date.now();
      try {
        model.send({ type: "cancel" });
      } catch {
        // As in `watching`.
      }
      ask(false);
    },
    { signal },
  );
  confirm.addEventListener("keydown", (event) => event.key === "Escape" && ask(false), { signal });
  root.addEventListener("keydown", (event) => event.stopPropagation(), { signal });
  numbers.addEventListener("toggle", table, { signal });
  logged.addEventListener("toggle", () => (log.scrollTop = log.scrollHeight), { signal });
  const returned = () => {
    asked = 0; // while the page was hidden nothing was asked
    watching();
  };
  document.addEventListener("visibilitychange", returned, { signal });
  const redraw = () => curves.forEach((curve) => curve.redraw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw, { signal });
  const themes = new MutationObserver(redraw);
  themes.observe(document.body, { attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  const sizes = new ResizeObserver(() => requestAnimationFrame(fit));
  sizes.observe(grid);
  const changed = () => {
    show();
    connection();
  };
  for (const name of ["shown", "trouble", "log"]) model.on(`change:${name}`, changed);
  model.on("msg:custom", hear);
  const timer = setInterval(watching, WATCHING_MS);
  const clock = setInterval(connection, 1_000);

  const saved = model.get("history");
  if (saved?.points?.length) points.take(saved);
  show();
  draw();
  watching();
  connection();

  return () => {
    stop.abort();
    clearInterval(timer);
    clearInterval(clock);
    cancelAnimationFrame(waiting);
    themes.disconnect();
    sizes.disconnect();
    for (const name of ["shown", "trouble", "log"]) model.off(`change:${name}`, changed);
    model.off("msg:custom", hear);
    for (const curve of curves.values()) curve.remove();
    frame.remove();
  };
}

export default { render };
