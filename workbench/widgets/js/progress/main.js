// @ts-check
/**
 * How a batch comes along, kept up to date by Python. Everything is inserted as text.
 *
 * @typedef {{name: string, value: number | null, low: number | null, high: number | null, n: number, note: string}} Num
 * @typedef {{name: string, source: string, done: number, asked: number, skipped: number, last_hour: number,
 *   seconds: number | null, gold: Num | null, remarks: string[]}} Person
 * @typedef {{title: string, taken_at: string, labels: number, wanted: number, items_done: number, items: number,
 *   aside: number, flags: Record<string, number>, agreement: Num[], agreement_wanted: number, gold_allowed: number,
 *   people: Person[], notices: string[]}} Snapshot
 * @typedef {{get(name: string): any, send(content: object): void, on(event: string, callback: () => void): void,
 *   off(event: string, callback: () => void): void}} Model
 */
import { make, say, warn } from "../shared/dom.js";

const WATCHING_MS = 15_000;

/** @param {number | null} value @param {number} [digits] */
const figure = (value, digits = 2) => (value === null ? "–" : value.toFixed(digits));

/** @param {Num | null} num */
function words(num) {
  if (!num || num.value === null) return num?.note || "–";
  const between = num.low === null ? "no interval" : `${figure(num.low)} to ${figure(num.high)}`;
  return `${figure(num.value)} (${between}, n ${num.n})`;
}

/**
 * A number on a scale from `from` to 1: a dot, its interval, and the mark it is held against.
 * @param {Num | null} num
 * @param {number} mark
 * @param {number} [from]
 */
function scale(num, mark, from = 0) {
  const place = (/** @type {number} */ value) => `${(100 * (Math.min(Math.max(value, from), 1) - from)) / (1 - from)}%`;
  const track = make("span", "scale");
  track.setAttribute("aria-hidden", "true"); // the same is there in words
  const line = make("span", "mark");
  line.style.left = place(mark);
  track.append(line);
  if (num && num.value !== null) {
    if (num.low !== null && num.high !== null) {
      const range = make("span", "range");
      range.style.left = place(num.low);
      range.style.right = `calc(100% - ${place(num.high)})`;
      track.append(range);
    }
    const dot = make("span", "dot");
    dot.style.left = place(num.value);
    track.append(dot);
  }
  return track;
}

/** @param {number} done @param {number} of @param {string} name */
function bar(done, of, name) {
  const made = make("progress", "bar");
  made.max = Math.max(of, done, 1);
  made.value = done;
  made.setAttribute("aria-label", name);
  return made;
}

/** @param {Snapshot} shown */
function totals(shown) {
  const facts = make("dl", "facts");
  /** @param {string} name @param {...(Node | string)} value */
  const fact = (name, ...value) => facts.append(make("div", "", make("dt", "", name), make("dd", "", ...value)));
  fact("Labels", `${shown.labels} of ${shown.wanted}`, bar(shown.labels, shown.wanted, "labels"));
  fact("Items complete", `${shown.items_done} of ${shown.items}`, bar(shown.items_done, shown.items, "items complete"));
  for (const one of shown.agreement) {
    fact(`Agreement, ${one.name}`, words(one), scale(one, shown.agreement_wanted, -0.2));
  }
  const flags = Object.entries(shown.flags).map(([flag, n]) => `${flag} ${n}`);
  if (flags.length) fact("Flags", flags.join(", "));
  if (shown.aside) fact("Kept aside", `${shown.aside} rows, with their reasons`);
  return facts;
}

/** @param {Snapshot} shown */
function people(shown) {
  const heads = ["Annotator", "Labels", "Last hour", "Median time", "Gold error so far", "Worth a look"];
  const head = make("tr", "", ...heads.map((name) => make("th", "", name)));
  for (const cell of head.children) cell.setAttribute("scope", "col");
  const rows = shown.people.map((one) => {
    const name = make("th", "", one.name, make("span", "note", one.source));
    name.setAttribute("scope", "row");
    const done = make("td", "", one.asked ? `${one.done} of ${one.asked}` : String(one.done));
    if (one.asked) done.append(bar(one.done, one.asked, `labels of ${one.name}`));
    if (one.skipped) done.append(make("span", "note", `${one.skipped} skipped`));
    const remarks = make("td", "remarks", ...one.remarks.map((remark) => make("p", "", remark)));
    return make(
      "tr",
      "",
      name,
      done,
      make("td", "", String(one.last_hour)),
      make("td", "", one.seconds === null ? "–" : `${figure(one.seconds, 1)} s`),
      make("td", "", words(one.gold), one.gold ? scale(one.gold, shown.gold_allowed) : ""),
      remarks,
    );
  });
  const table = make("table", "people", make("thead", "", head), make("tbody", "", ...rows));
  return shown.people.length ? table : make("p", "note", "Nobody has labelled yet.");
}

/** @param {{model: Model, el: HTMLElement}} context */
function render({ model, el }) {
  const stop = new AbortController();
  const root = make("div", "progress");
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "Progress of the batch");
  const title = make("h2", "");
  const taken = make("span", "note");
  const notices = make("div", "notice");
  notices.setAttribute("role", "status");
  const trouble = make("div", "alarm");
  trouble.setAttribute("role", "alert");
  const body = make("div", "");
  root.append(make("div", "head", title, taken), notices, trouble, body);
  const frame = make("div", "frame", root);
  el.append(frame);

  function show() {
    /** @type {Partial<Snapshot>} */
    const given = model.get("snapshot");
    const failed = model.get("trouble");
    warn(trouble, failed ? `Not up to date: ${failed}` : "");
    if (!given.people) return;
    const shown = /** @type {Snapshot} */ (given);
    say(title, shown.title);
    say(taken, `as of ${new Date(shown.taken_at).toLocaleTimeString()}; marks show what is asked for`);
    warn(notices, shown.notices.join(" "));
    body.replaceChildren(totals(shown), people(shown));
  }
  function watching() {
    if (document.hidden) return;
    try {
      model.send({ type: "watching" });
    } catch {
      // No kernel: what is shown is what was last known.
    }
  }
  model.on("change:snapshot", show);
  model.on("change:trouble", show);
  document.addEventListener("visibilitychange", watching, { signal: stop.signal });
  const timer = setInterval(watching, WATCHING_MS);
  show();
  watching();

  return () => {
    stop.abort();
    clearInterval(timer);
    model.off("change:snapshot", show);
    model.off("change:trouble", show);
    frame.remove();
  };
}

export default { render };
