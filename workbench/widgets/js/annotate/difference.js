// @ts-check
/** What differs between two texts, word by word. */
import { diffWordsWithSpace } from "diff";
import { make } from "../shared/dom.js";

const LONGEST = 60_000; // characters of both together; beyond that a comparison takes too long to wait for

/**
 * The two texts as written, with words that only one of them has marked: by colour, and by underline or strike.
 * @param {string} one
 * @param {string} other
 * @returns {[HTMLElement, HTMLElement]}
 */
export function differences(one, other) {
  const left = make("pre", "compared");
  const right = make("pre", "compared");
  left.dir = right.dir = "auto";
  const parts = one.length + other.length > LONGEST ? undefined : diffWordsWithSpace(one, other, { timeout: 500 });
  if (!parts) {
    left.append(one);
    right.append(make("p", "note", "Too long to compare."), other);
    return [left, right];
  }
  for (const part of parts) {
    if (!part.added) left.append(part.removed ? make("del", "", part.value) : part.value);
    if (!part.removed) right.append(part.added ? make("ins", "", part.value) : part.value);
  }
  return [left, right];
}
