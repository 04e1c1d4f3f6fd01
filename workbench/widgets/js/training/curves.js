// @ts-check
/** The points of a run, and a chart for each measure. Each chart says in words what it shows. */
import uPlot from "uplot";
import { make, say, set } from "../shared/dom.js";
import { figure } from "./words.js";

/**
 * @typedef {{epoch: string, width: number, columns: string[], from: number, points: (number | null)[][]}} Message
 * @typedef {{name: string, title: string, range?: [number, number]}} Measure
 */

/** @type {Measure[]} */
export const MEASURES = [
  { name: "loss", title: "Loss" },
  { name: "margin", title: "Margin" },
  { name: "accuracy", title: "Accuracy", range: [0, 1] },
  { name: "kl", title: "KL to the start model" },
  { name: "reward", title: "Reward" },
  { name: "reward_std", title: "Spread of rewards" },
  { name: "completion_length", title: "Tokens an answer" },
  { name: "clip_ratio", title: "Share clipped", range: [0, 1] },
];
const HEIGHT = 150;

/** What a viewer holds of a run's points. */
export class Points {
  epoch = "";
  width = 1;
  /** @type {string[]} */
  columns = [];
  /** @type {(number | null)[][]} */
  rows = [];

  /** Take a message in; false when something is missing before it. @param {Message} message */
  take(message) {
    const same = message.epoch === this.epoch;
    if (message.from > (same ? this.rows.length : 0)) return false;
    const kept = same ? this.rows.slice(0, message.from) : [];
    this.epoch = message.epoch;
    this.width = message.width;
    this.columns = message.columns;
    // A message that was on its way while another came may end earlier than what is known.
    const after = same ? this.rows.slice(message.from + message.points.length) : [];
    this.rows = [...kept, ...message.points, ...after];
    return true;
  }

  /** As one message, to be kept with the notebook. @returns {Message} */
  whole() {
    return { epoch: this.epoch, width: this.width, columns: this.columns, from: 0, points: this.rows };
  }

  /** @param {string} name @returns {(number | null)[]} */
  column(name) {
    const place = this.columns.indexOf(name);
    return this.rows.map((row) => (place < 0 ? null : (row[place] ?? null)));
  }

  /** Measures that have at least one value. */
  measures() {
    return MEASURES.filter(({ name }) =>
      [name, `eval_${name}`].some((one) => this.column(one).some((value) => value !== null)),
    );
  }
}

/** @param {(number | null)[]} steps @param {(number | null)[]} values */
function inWords(steps, values) {
  /** @type {[number, number][]} */
  const known = values.flatMap((value, place) => (value === null ? [] : [[Number(steps[place]), value]]));
  const first = known[0];
  const last = known.at(-1);
  if (!first || !last) return "";
  if (known.length === 1) return `${figure(last[1])} at step ${last[0]}`;
  const least = known.reduce((low, one) => (one[1] < low[1] ? one : low));
  const most = known.reduce((high, one) => (one[1] > high[1] ? one : high));
  return (
    `${figure(first[1])} at step ${first[0]}, ${figure(last[1])} at step ${last[0]}, ` +
    `lowest ${figure(least[1])}, highest ${figure(most[1])}`
  );
}

/** One measure: its name, its last values, its curves. */
export class Curve {
  /** @param {Measure} measure @param {string} group charts of one group share the cursor */
  constructor(measure, group) {
    this.measure = measure;
    this.values = make("span", "values");
    this.plot = make("div", "plot");
    this.plot.setAttribute("role", "img");
    this.element = make(
      "figure",
      "curve",
      make("figcaption", "", make("strong", "", measure.title), this.values),
      this.plot,
    );
    this.group = group;
    /** @type {uPlot | null} */
    this.chart = null;
    /** @type {(number | null)[][]} */
    this.data = [[], [], []];
    /** @type {number | null} */
    this.at = null;
  }

  /** @param {Points} points */
  show(points) {
    const { name } = this.measure;
    this.data = [points.column("step"), points.column(name), points.column(`eval_${name}`)];
    const [steps = [], training = [], heldOut = []] = this.data;
    const said = inWords(steps, training);
    const saidHeldOut = inWords(steps, heldOut);
    const all = [said && `training ${said}`, saidHeldOut && `held out ${saidHeldOut}`].filter(Boolean).join("; ");
    set(this.plot, "aria-label", `${this.measure.title}: ${all}`);
    this.tell();
    this.chart?.setData(this.aligned());
  }

  aligned() {
    return /** @type {uPlot.AlignedData} */ (this.data);
  }

  /** The values under the cursor, or the last ones. */
  tell() {
    const [steps = [], training = [], heldOut = []] = this.data;
    const at = this.at;
    if (at !== null && at < steps.length) {
      const other = heldOut[at] ?? null;
      say(
        this.values,
        `step ${steps[at]}: ${figure(training[at])}${other === null ? "" : `, held out ${figure(other)}`}`,
      );
      return;
    }
    const last = training.findLast((value) => value !== null);
    const held = heldOut.findLast((value) => value !== null);
    const parts = [last === undefined ? "" : figure(last), held === undefined ? "" : `held out ${figure(held)}`];
    say(this.values, parts.filter(Boolean).join(" · "));
  }

  /** Draw at this width. @param {number} width */
  fit(width) {
    if (width < 60) return; // not laid out
    if (this.chart) {
      if (this.chart.width !== width) this.chart.setSize({ width, height: HEIGHT });
      return;
    }
    const colour = (/** @type {string} */ name) => () => getComputedStyle(this.plot).getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--wb-axis"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: colour("--wb-grid"), width: 1 },
      ticks: { stroke: colour("--wb-grid"), width: 1, size: 4 },
    };
    const whole = (/** @type {uPlot} */ _chart, /** @type {number[]} */ ticks) =>
      ticks.map((tick) => (Number.isInteger(tick) ? tick.toLocaleString("en") : ""));
    this.chart = new uPlot(
      {
        width,
        height: HEIGHT,
        padding: [8, 10, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: this.group, setSeries: false }, drag: { x: false, y: false }, y: false },
        scales: {
          x: { time: false },
          y: this.measure.range ? { range: this.measure.range } : {},
        },
        axes: [
          { ...axis, size: 26, values: whole },
          { ...axis, size: 50, space: 28, values: (_chart, ticks) => ticks.map((tick) => figure(tick)) },
        ],
        series: [
          {},
          { stroke: colour("--wb-training"), width: 1.5, spanGaps: true, points: { size: 4, fill: colour("--wb-training") } },
          {
            stroke: colour("--wb-held-out"),
            width: 2,
            dash: [6, 4],
            spanGaps: true,
            points: { show: () => this.fewHeldOut(), size: 7, fill: colour("--wb-page") },
          },
        ],
        hooks: {
          setCursor: [
            (chart) => {
              this.at = chart.cursor.idx ?? null;
              this.tell();
            },
          ],
        },
      },
      this.aligned(),
      this.plot,
    );
  }

  fewHeldOut() {
    return (this.data[2] ?? []).filter((value) => value !== null).length <= 20;
  }

  redraw() {
    this.chart?.redraw(false, true);
  }

  remove() {
    this.chart?.destroy();
    this.chart = null;
    this.element.remove();
  }
}
