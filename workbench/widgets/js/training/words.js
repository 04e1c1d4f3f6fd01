// @ts-check
/** A run's numbers in words. */

/**
 * @typedef {{name: string, state: string, phase: string, step: number, steps: number, started: number | null,
 *   ended: number | null, reason: string, notes: string[], latest: Record<string, number>, cancelling: boolean,
 *   at: string}} Shown
 */

/** Four figures, no more digits than they need. @param {number | null | undefined} value */
export function figure(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} megabytes */
export function memory(megabytes) {
  return megabytes < 1024 ? `${Math.round(megabytes)} MB` : `${(megabytes / 1024).toFixed(1)} GB`;
}

/** @param {number} count */
export function many(count) {
  return Math.round(count).toLocaleString("en");
}

/** The state in words that change seldom, because they are read aloud. @param {Shown} shown */
export function standing(shown) {
  if (shown.cancelling) return "Stopping …";
  switch (shown.state) {
    case "queued":
      return "Queued: its process has not begun yet";
    case "running":
      return shown.phase ? `Running: ${shown.phase}` : "Running";
    case "done":
      return "Done";
    case "failed":
      return `Failed: ${shown.reason || "no reason was written down"}`;
    case "cancelled":
      return shown.steps ? `Cancelled in step ${shown.step} of ${shown.steps}` : "Cancelled";
    default:
      return shown.state;
  }
}

/** What is told beside the curves: name and value. @param {Shown} shown @returns {[string, string][]} */
export function facts(shown) {
  const { latest } = shown;
  /** @type {[string, string][]} */
  const told = [];
  // Measured while training: in another phase, or when it is over, there is no time left to tell.
  const training = shown.state === "running" && latest["steps"] === shown.steps && !shown.cancelling;
  const left = latest["eta_s"];
  if (training && left !== undefined) told.push(["Time left", left < 1 ? "almost done" : `about ${duration(left)}`]);
  if (shown.started !== null) {
    const until = shown.ended ?? Date.parse(shown.at) / 1000;
    told.push([shown.ended === null ? "Running for" : "Took", duration(until - shown.started)]);
  }
  if (latest["tokens_per_s"] !== undefined) told.push(["Tokens a second", many(latest["tokens_per_s"])]);
  if (latest["memory_mb"] !== undefined) told.push(["Memory", memory(latest["memory_mb"])]);
  if (latest["epoch"] !== undefined) told.push(["Epoch", latest["epoch"].toFixed(2)]);
  if (latest["learning_rate"] !== undefined) told.push(["Learning rate", figure(latest["learning_rate"])]);
  return told;
}
