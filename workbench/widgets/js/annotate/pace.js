// @ts-check
/** How fast it goes, how long it will take, and when a break is due. */

const OVER = 20; // answers
const PAUSE_MS = 5 * 60 * 1000; // so long without an answer is a break by itself

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** @param {number} seconds */
export function spoken(seconds) {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param {number} breakAfterMin */
export function createPace(breakAfterMin) {
  /** @type {number[]} */
  const durations = [];
  let since = 0; // start of work without a pause
  let last = 0; // last answer

  return {
    /** @param {number} seconds how long the answer took */
    answered(seconds) {
      durations.push(seconds);
      if (durations.length > OVER) durations.shift();
      const now = Date.now();
      if (!since || now - last > PAUSE_MS) since = now - seconds * 1000;
      last = now;
    },
    /** @param {number} left how many items are left */
    words(left) {
      if (!left) return "";
      if (durations.length < 3) return `${left} to go`;
      const each = median(durations);
      return `${left} to go · ${spoken(each)} each · ${spoken(each * left)} left`;
    },
    /** Minutes of work without a pause, when a break is due; else 0. */
    breakDue() {
      const minutes = since && Date.now() - last < PAUSE_MS ? (Date.now() - since) / 60000 : 0;
      return breakAfterMin && minutes >= breakAfterMin ? Math.max(1, Math.round(minutes)) : 0;
    },
    /** A break has been suggested; the next one after as long again. */
    carryOn() {
      since = Date.now();
    },
  };
}
