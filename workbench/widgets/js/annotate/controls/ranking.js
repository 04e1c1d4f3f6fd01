// @ts-check
/**
 * Responses in order, best first, ties allowed: by number keys, by buttons, or by dragging.
 *
 * Pressing a response's number gives it the next rank; `=` puts it level with the one before. The list below can be
 * rearranged: each response is a chip on a rank, dragged onto a rank (level) or between two (a rank of its own), or
 * moved with keys and buttons.
 *
 * @typedef {import("../types.js").Answer} Answer
 * @typedef {import("../types.js").Control} Control
 * @typedef {import("../types.js").Desk} Desk
 */
import { make, makeButton, set } from "../../shared/dom.js";

/** @param {string[][]} tiers best first @returns {Answer} */
export function ranksOf(tiers) {
  /** @type {Record<string, number>} */
  const ranks = {};
  tiers.forEach((tier, index) => tier.forEach((letter) => (ranks[letter] = index + 1)));
  return { ranks };
}

/** @param {Record<string, number>} ranks @returns {string[][]} */
export function tiersOf(ranks) {
  const levels = [...new Set(Object.values(ranks))].sort((one, other) => one - other);
  return levels.map((level) => Object.keys(ranks).filter((letter) => ranks[letter] === level).sort());
}

/**
 * Move a response to a place: onto a rank, or into a rank of its own before it.
 * @param {string[][]} tiers
 * @param {string} letter
 * @param {number} place index of a rank; the number of ranks is below all
 * @param {boolean} level whether to join that rank
 */
export function moved(tiers, letter, place, level) {
  /** @type {string[][]} */
  const next = tiers.map((tier) => tier.filter((one) => one !== letter));
  const target = next[place];
  if (level && target) target.push(letter);
  else next.splice(place, 0, [letter]);
  return next.map((tier) => [...tier].sort()).filter((tier) => tier.length);
}

/** @param {Desk} desk @returns {Control} */
export function createRanking(desk) {
  const { signal } = desk;
  /** @type {string[]} */
  let letters = [];
  /** @type {string[][]} */
  let tiers = [];
  /** The response that keys move. @type {string | undefined} */
  let held;
  /** @type {{letter: string, pointer: number, x: number, y: number, moving: boolean} | undefined} */
  let drag;

  const list = make("ol", "tiers");
  list.setAttribute("aria-label", "Your ranking, best first");
  const tray = make("div", "tray");
  tray.setAttribute("role", "group");
  tray.setAttribute("aria-label", "Not ranked yet");
  const hint = make("p", "note", "Press the numbers from best to worst, ", desk.kbds("equal"), " for a tie. Or drag.");
  const element = make("div", "ranking", hint, tray, list);

  /** @param {string} letter */
  const nameOf = (letter) => `Response ${letters.indexOf(letter) + 1}`;
  const left = () => letters.filter((letter) => !tiers.some((tier) => tier.includes(letter)));
  /** @param {string} letter */
  const tierOf = (letter) => tiers.findIndex((tier) => tier.includes(letter));

  /** @param {string[][]} next @param {string} letter */
  function arrange(next, letter) {
    tiers = next;
    held = letter;
    desk.changed();
    refresh();
    const at = tierOf(letter);
    const level = (tiers[at]?.length ?? 0) > 1 ? ", level with others" : "";
    desk.tell(at < 0 ? `${nameOf(letter)} is not ranked` : `${nameOf(letter)} is rank ${at + 1}${level}`);
  }

  /** @param {string} letter */
  function chip(letter) {
    const number = letters.indexOf(letter) + 1;
    const made = makeButton("chip", make("span", "", nameOf(letter)));
    if (tierOf(letter) < 0) made.append(desk.kbds(`option_${number}`));
    made.dataset["letter"] = letter;
    set(made, "aria-pressed", String(held === letter));
    made.addEventListener(
      "click",
      () => {
        if (tierOf(letter) < 0) arrange([...tiers, [letter]], letter);
        else {
          held = letter;
          refresh();
        }
        desk.takeKeys();
      },
      { signal },
    );
    made.addEventListener("pointerdown", (event) => grab(event, letter), { signal });
    return made;
  }

  function refresh() {
    tray.replaceChildren(...left().map(chip));
    tray.hidden = !left().length;
    list.replaceChildren(
      ...tiers.map((tier, index) => {
        const row = make("li", "tier", make("span", "rank", `${index + 1}.`), ...tier.map(chip));
        row.dataset["place"] = String(index);
        if (held && tier.includes(held)) row.append(tools(held, index, tier.length > 1));
        return row;
      }),
    );
  }

  /** What can be done with the held response, for a mouse without dragging. @param {string} letter @param {number} at @param {boolean} level */
  function tools(letter, at, level) {
    /** @param {string} action @param {string} text */
    const tool = (action, text) => {
      const made = makeButton("tool", make("span", "", text), desk.kbds(action));
      made.setAttribute("aria-label", `${text}: ${nameOf(letter)}`);
      made.addEventListener(
        "click",
        () => {
          act(action);
          desk.takeKeys();
        },
        { signal },
      );
      return made;
    };
    const made = make("span", "tier-tools", tool("raise", "Up"), tool("lower", "Down"));
    if (at > 0 && !level) made.append(tool("equal", "Level"));
    made.append(tool("take_back", "Take out"));
    return made;
  }

  // Dragging with pointer events, so that it works by mouse, pen and finger alike.
  /** @param {PointerEvent} event @param {string} letter */
  function grab(event, letter) {
    if (event.button !== 0) return;
    drag = { letter, pointer: event.pointerId, x: event.clientX, y: event.clientY, moving: false };
  }
  /** Where a drop would go. @param {number} y */
  function placeAt(y) {
    const rows = /** @type {HTMLElement[]} */ ([...list.querySelectorAll(".wb-tier")]);
    for (const [index, row] of rows.entries()) {
      const box = row.getBoundingClientRect();
      if (y < box.top + box.height * 0.25) return { place: index, level: false };
      if (y < box.bottom - box.height * 0.25) return { place: index, level: true };
    }
    return { place: rows.length, level: false };
  }
  /** @param {PointerEvent} event */
  function follow(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    if (!drag.moving && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 6) return;
    if (!drag.moving) element.setPointerCapture(event.pointerId);
    drag.moving = true;
    event.preventDefault();
    element.dataset["dragging"] = drag.letter;
    const { place, level } = placeAt(event.clientY);
    for (const row of list.querySelectorAll(".wb-tier")) {
      const here = Number(/** @type {HTMLElement} */ (row).dataset["place"]);
      row.classList.toggle("wb-onto", level && here === place);
      row.classList.toggle("wb-before", !level && here === place);
    }
    list.classList.toggle("wb-below", !level && place === tiers.length);
  }
  /** @param {PointerEvent} event */
  function drop(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    const { letter, moving } = drag;
    drag = undefined;
    delete element.dataset["dragging"];
    list.classList.remove("wb-below");
    if (!moving) return;
    const { place, level } = placeAt(event.clientY);
    if (event.type === "pointerup") arrange(moved(tiers, letter, place, level), letter);
    else refresh();
    desk.takeKeys();
  }
  element.addEventListener("pointermove", follow, { signal });
  element.addEventListener("pointerup", drop, { signal });
  element.addEventListener("pointercancel", drop, { signal });

  /** @param {string} action @returns {boolean} */
  function act(action) {
    const digit = /^option_(\d+)$/.exec(action);
    if (digit) {
      const letter = letters[Number(digit[1]) - 1];
      if (!letter) return true;
      if (tierOf(letter) < 0) arrange([...tiers, [letter]], letter);
      else {
        held = letter;
        refresh();
        desk.tell(`${nameOf(letter)} is rank ${tierOf(letter) + 1}`);
      }
      return true;
    }
    const ranked = tiers.flat();
    if (action === "row_down" || action === "row_up") {
      const at = held ? ranked.indexOf(held) : -1;
      const next = ranked[Math.min(Math.max(at + (action === "row_down" ? 1 : -1), 0), ranked.length - 1)];
      if (next) {
        held = next;
        refresh();
        desk.tell(`${nameOf(next)}, rank ${tierOf(next) + 1}`);
      }
      return true;
    }
    if (!["equal", "raise", "lower", "take_back"].includes(action)) return false;
    const letter = held ?? ranked.at(-1);
    const at = letter ? tierOf(letter) : -1;
    if (!letter || at < 0) return true;
    const alone = tiers[at]?.length === 1;
    if (action === "equal" && at > 0 && alone) arrange(moved(tiers, letter, at - 1, true), letter);
    else if (action === "raise" && !alone) arrange(moved(tiers, letter, at, false), letter);
    else if (action === "raise" && at > 0) arrange(moved(tiers, letter, at - 1, false), letter);
    else if (action === "lower" && !alone) arrange(moved(tiers, letter, at + 1, false), letter);
    else if (action === "lower" && at < tiers.length - 1) arrange(moved(tiers, letter, at + 2, false), letter);
    else if (action === "take_back") {
      tiers = tiers.map((tier) => tier.filter((one) => one !== letter)).filter((tier) => tier.length);
      held = tiers.flat().at(-1);
      desk.changed();
      refresh();
      desk.tell(`${nameOf(letter)} is not ranked`);
    }
    return true;
  }

  return {
    element,
    ask(question, answer) {
      letters = question.responses.map((_shown, index) => String.fromCharCode(65 + index));
      tiers = answer ? tiersOf(answer["ranks"]) : [];
      held = undefined;
      refresh();
    },
    read() {
      const missing = left();
      return missing.length ? `Not ranked yet: ${missing.map(nameOf).join(", ")}.` : ranksOf(tiers);
    },
    draft: () => (tiers.length ? ranksOf(tiers) : undefined),
    act,
    said(answer) {
      const named = (/** @type {string} */ letter) => `Response ${letter.charCodeAt(0) - 64}`;
      return tiersOf(answer["ranks"])
        .map((tier) => tier.map(named).join(" = "))
        .join(" > ");
    },
  };
}
