// @ts-check
/**
 * Claims in the text of a response, each with a verdict and the source it was checked against.
 *
 * A claim is a stretch of the text as written. The text is shown sentence by sentence: the cursor goes over sentences,
 * and a verdict's key marks the sentence and judges it. Any other stretch of whole words is marked by selecting it.
 * Positions count Unicode code points, as Python does, while JavaScript strings count UTF-16 units: `Offsets` translates.
 *
 * @typedef {{start: number, end: number, verdict: string, source_url: string, quote: string}} Claim in UTF-16 units
 * @typedef {import("../types.js").Answer} Answer
 * @typedef {import("../types.js").Control} Control
 * @typedef {import("../types.js").Desk} Desk
 * @typedef {import("../types.js").Question} Question
 */
import { freshId, make, makeButton, say, set } from "../../shared/dom.js";

/** @type {Record<string, string>} */
const VERDICTS = {
  supported: "Supported",
  contradicted: "Contradicted",
  not_enough_evidence: "Not enough evidence",
  source_unavailable: "Source unavailable",
};
const LONGEST_SHOWN = 90;

/** Sentences of a text as [start, end], without the white space around them. @param {string} text */
export function sentencesOf(text) {
  /** @type {[number, number][]} */
  const found = [];
  const lines = text.matchAll(/[^\n]+/g);
  const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
  for (const line of lines) {
    for (const { segment, index } of segmenter.segment(line[0])) {
      const trimmed = segment.trim();
      if (!/[\p{L}\p{N}]/u.test(trimmed)) continue; // bullets and rules say nothing
      const start = line.index + index + segment.indexOf(trimmed);
      found.push([start, start + trimmed.length]);
    }
  }
  return found;
}

/**
 * A stretch of a text, widened to the words it begins and ends in.
 * @param {string} text
 * @param {[number, number]} range
 * @returns {[number, number]}
 */
export function wholeWords(text, [start, end]) {
  const words = new Intl.Segmenter("en", { granularity: "word" }).segment(text);
  const last = words.containing(end - 1);
  return [words.containing(start)?.index ?? start, last ? last.index + last.segment.length : end];
}

/** Between UTF-16 units and code points of one text. @param {string} text */
export function offsetsOf(text) {
  return {
    /** @param {number} units */
    toPoints: (units) => [...text.slice(0, units)].length,
    /** @param {number} points */
    toUnits: (points) => [...text].slice(0, points).join("").length,
  };
}

/** @param {Desk} desk @returns {Control} */
export function createClaims(desk) {
  const { signal } = desk;
  const { form } = desk.settings;
  /** @type {{name: string, means: string}[]} */
  const verdicts = form["verdicts"];
  /** @type {string[]} */
  const needSource = form["need_source"];
  let text = "";
  /** @type {[number, number][]} */
  let sentences = [];
  let at = 0;
  /** @type {Claim[]} in the order of the text */
  let claims = [];
  /** @type {Claim | undefined} */
  let held;
  let none = false;

  const passage = make("div", "passage");
  passage.tabIndex = 0;
  passage.setAttribute("role", "region");
  const note = make("p", "note");
  note.setAttribute("role", "status");
  const list = make("ol", "claims");
  list.setAttribute("aria-label", "Claims");
  const noneButton = desk.button("no_claims", "Nothing to check");
  const editor = createEditor();
  const heading = make("h2", "", "Response");
  const hint = make("p", "note", desk.kbds("row_up", 1), desk.kbds("row_down", 1), " go over the sentences, a verdict's key judges one. Select text to judge another stretch.");
  heading.id = freshId("passage");
  passage.setAttribute("aria-labelledby", heading.id);
  const element = make(
    "div",
    "factual",
    make("div", "factual-text", heading, passage, hint, note),
    make("div", "factual-claims", make("h2", "", "Claims"), editor.element, list, noneButton),
  );

  /** @param {Claim} claim */
  const isHeld = (claim) => claim === held;
  /** @param {[number, number]} range */
  const claimAt = ([start, end]) => claims.find((claim) => claim.start < end && start < claim.end);
  /** @param {Claim} claim */
  const words = (claim) => {
    const full = text.slice(claim.start, claim.end);
    return full.length > LONGEST_SHOWN ? `${full.slice(0, LONGEST_SHOWN - 1)}…` : full;
  };

  function createEditor() {
    const quoted = make("p", "claim-text");
    const buttons = verdicts.map((verdict, index) => {
      const made = makeButton("option", make("span", "", VERDICTS[verdict.name] ?? verdict.name));
      made.append(desk.kbds(`option_${index + 1}`));
      made.setAttribute("role", "radio");
      if (verdict.means) made.title = verdict.means;
      made.addEventListener("click", () => judge(verdict.name), { signal });
      return made;
    });
    const options = make("div", "options", ...buttons);
    options.setAttribute("role", "radiogroup");
    options.setAttribute("aria-label", "Verdict");
    const url = make("input", "source");
    url.type = "url";
    url.maxLength = 2000;
    url.placeholder = "https://…";
    const quote = make("textarea", "quote");
    quote.rows = 2;
    quote.maxLength = 20000;
    for (const field of [url, quote]) {
      field.addEventListener(
        "input",
        () => {
          if (!held) return;
          held.source_url = url.value.trim();
          held.quote = quote.value.trim();
          desk.changed();
          refreshList();
        },
        { signal },
      );
    }
    const remove = makeButton("tool", make("span", "", "Not a claim"), desk.kbds("mark"));
    remove.addEventListener("click", () => unmark(), { signal });
    const made = make(
      "div",
      "claim-editor",
      quoted,
      options,
      make("label", "field", make("span", "", "Source ", desk.kbds("source")), url),
      make("label", "field", make("span", "", "What it says there ", desk.kbds("quote")), quote),
      remove,
    );
    return {
      element: made,
      url,
      quote,
      refresh() {
        made.hidden = !held;
        if (!held) return;
        say(quoted, `“${words(held)}”`);
        if (url.value.trim() !== held.source_url) url.value = held.source_url;
        if (quote.value.trim() !== held.quote) quote.value = held.quote;
        buttons.forEach((button, index) => {
          const mine = verdicts[index]?.name === held?.verdict;
          set(button, "aria-checked", String(mine));
          button.tabIndex = mine || (!held?.verdict && !index) ? 0 : -1;
        });
      },
    };
  }

  /** Mark a stretch as a claim; the one that stands there already is taken up again. @param {[number, number]} range */
  function mark(range) {
    const there = claimAt(range);
    if (there) {
      held = there;
      return there;
    }
    const fresh = { start: range[0], end: range[1], verdict: "", source_url: "", quote: "" };
    claims = [...claims, fresh].sort((one, other) => one.start - other.start);
    held = fresh;
    none = false;
    return fresh;
  }

  function unmark() {
    if (!held) return;
    claims = claims.filter((claim) => !isHeld(claim));
    held = undefined;
    desk.changed();
    refresh();
    desk.takeKeys();
  }

  /** @param {string} verdict */
  function judge(verdict) {
    const range = selected() ?? sentences[at];
    const claim = held ?? (range ? mark(range) : undefined);
    if (!claim) return;
    claim.verdict = verdict;
    desk.changed();
    refresh();
    desk.tell(`${words(claim)}: ${VERDICTS[verdict] ?? verdict}`);
    desk.takeKeys();
  }

  /** The stretch of the text that is selected with the mouse. @returns {[number, number] | undefined} */
  function selected() {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !selection.rangeCount) return undefined;
    const range = selection.getRangeAt(0);
    if (!passage.contains(range.startContainer) || !passage.contains(range.endContainer)) return undefined;
    /** @param {Node} node @param {number} offset */
    const before = (node, offset) => {
      const until = document.createRange();
      until.setStart(passage, 0);
      until.setEnd(node, offset);
      return until.toString().length;
    };
    const [start, end] = [before(range.startContainer, range.startOffset), before(range.endContainer, range.endOffset)];
    const stretch = text.slice(start, end);
    const trimmed = stretch.trim();
    if (!trimmed) return undefined;
    const from = start + stretch.indexOf(trimmed);
    return wholeWords(text, [from, from + trimmed.length]);
  }
  passage.addEventListener(
    "pointerup",
    (event) => {
      const range = selected();
      if (range) {
        mark(range);
        document.getSelection()?.removeAllRanges();
        desk.changed();
      } else if (event.target instanceof HTMLElement) {
        const place = event.target.closest("[data-sentence]");
        if (place instanceof HTMLElement) {
          at = Number(place.dataset["sentence"]);
          held = claimAt(sentences[at] ?? [0, 0]);
        }
      }
      refresh();
      desk.takeKeys();
    },
    { signal },
  );

  /** The text in pieces, so that sentences and claims can be seen; its characters are exactly those of the text. */
  function refreshText() {
    const cuts = new Set([0, text.length]);
    for (const [start, end] of sentences) cuts.add(start).add(end);
    for (const claim of claims) cuts.add(claim.start).add(claim.end);
    const places = [...cuts].sort((one, other) => one - other);
    const pieces = places.slice(0, -1).map((start, index) => {
      const end = places[index + 1] ?? text.length;
      const piece = make("span", "piece", text.slice(start, end));
      const sentence = sentences.findIndex(([from, to]) => from <= start && end <= to);
      const claim = claims.find((one) => one.start <= start && end <= one.end);
      if (sentence >= 0) piece.dataset["sentence"] = String(sentence);
      if (sentence >= 0 && sentence === at) piece.dataset["here"] = "yes";
      if (claim) piece.dataset["claim"] = claim.verdict || "open";
      if (claim && isHeld(claim)) piece.dataset["held"] = "yes";
      return piece;
    });
    passage.replaceChildren(...pieces);
    passage.querySelector("[data-here]")?.scrollIntoView({ block: "nearest" });
  }

  function refreshList() {
    list.replaceChildren(
      ...claims.map((claim) => {
        const lacking = lacks(claim);
        const button = makeButton("claim", make("span", "claim-text", words(claim)));
        button.append(make("span", "note", lacking || (VERDICTS[claim.verdict] ?? claim.verdict)));
        button.dataset["verdict"] = claim.verdict || "open";
        set(button, "aria-pressed", String(isHeld(claim)));
        button.addEventListener(
          "click",
          () => {
            held = claim;
            refresh();
          },
          { signal },
        );
        return make("li", "", button);
      }),
    );
    say(note, none ? "Marked as: nothing to check." : "");
    set(noneButton, "aria-pressed", String(none));
    noneButton.hidden = claims.length > 0;
  }

  function refresh() {
    refreshText();
    editor.refresh();
    refreshList();
  }

  /** What a claim still lacks, in words. @param {Claim} claim */
  function lacks(claim) {
    if (!claim.verdict) return "no verdict yet";
    if (claim.source_url && !/^https?:\/\/\S+$/.test(claim.source_url)) return "the source is no http(s) address";
    if (needSource.includes(claim.verdict) && !claim.source_url && !claim.quote) return "needs a source or a quote";
    return "";
  }

  /** @returns {Answer} */
  function value() {
    const offsets = offsetsOf(text);
    return {
      claims: claims.map((claim) => ({
        start: offsets.toPoints(claim.start),
        end: offsets.toPoints(claim.end),
        verdict: claim.verdict,
        ...(claim.source_url ? { source_url: claim.source_url } : {}),
        ...(claim.quote ? { quote: claim.quote } : {}),
      })),
    };
  }

  return {
    element,
    ask(question, answer, chosen) {
      text = question.responses[0]?.raw ?? "";
      sentences = sentencesOf(text);
      at = 0;
      const offsets = offsetsOf(text);
      claims = (answer?.["claims"] ?? []).map((/** @type {Claim} */ claim) => ({
        start: offsets.toUnits(claim.start),
        end: offsets.toUnits(claim.end),
        verdict: claim.verdict,
        source_url: claim.source_url ?? "",
        quote: claim.quote ?? "",
      }));
      held = undefined;
      none = chosen && !claims.length;
      passage.scrollTop = 0;
      refresh();
    },
    read() {
      if (!claims.length && !none) return "Mark at least one claim, or say that there is nothing to check.";
      const open = claims.find(lacks);
      return open ? `“${words(open)}” ${lacks(open)}.` : value();
    },
    draft: () => (claims.length ? value() : undefined),
    act(action) {
      if (action === "row_down" || action === "row_up") {
        at = Math.min(Math.max(at + (action === "row_down" ? 1 : -1), 0), Math.max(sentences.length - 1, 0));
        held = claimAt(sentences[at] ?? [0, 0]);
        refresh();
        const [start, end] = sentences[at] ?? [0, 0];
        desk.tell(text.slice(start, end));
        return true;
      }
      const digit = /^option_(\d+)$/.exec(action);
      const verdict = digit ? verdicts[Number(digit[1]) - 1] : undefined;
      if (verdict) judge(verdict.name);
      else if (action === "mark") {
        const range = sentences[at];
        const there = range && claimAt(range);
        if (there) {
          held = there;
          unmark();
        } else if (range) {
          mark(range);
          desk.changed();
          refresh();
        }
      } else if (action === "no_claims") {
        if (claims.length) return true;
        none = !none;
        desk.changed();
        refresh();
      } else if (action === "source" || action === "quote") {
        if (!held && sentences[at]) mark(/** @type {[number, number]} */ (sentences[at]));
        refresh();
        (action === "source" ? editor.url : editor.quote).focus();
      } else return false;
      return true;
    },
    said(answer, question) {
      const points = [...(question?.responses[0]?.raw ?? "")];
      const parts = answer["claims"].map((/** @type {Claim} */ claim) => {
        const full = points.slice(claim.start, claim.end).join("");
        return `“${full.slice(0, LONGEST_SHOWN)}”: ${VERDICTS[claim.verdict] ?? claim.verdict}`;
      });
      return parts.length ? parts.join("; ") : "Nothing to check";
    },
  };
}
