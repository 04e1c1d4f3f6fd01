// @ts-check
/**
 * A conversation with a model that is to be made to fail, and what came of it.
 *
 * Each message goes to the model at once; Python keeps message and reply, so the conversation is what took place. Where
 * no model is connected, both sides are typed in.
 *
 * @typedef {import("../types.js").Answer} Answer
 * @typedef {import("../types.js").Control} Control
 * @typedef {import("../types.js").Desk} Desk
 * @typedef {import("../types.js").Turn} Turn
 */
import { make, makeButton, warn } from "../../shared/dom.js";
import { uuid4 } from "../outbox.js";
import { createRows } from "./rows.js";

const WAIT_MS = 4000; // without any word for so long the message is sent again; Python drops what it knows

/** @param {Desk} desk @returns {Control} */
export function createAttack(desk) {
  const { signal } = desk;
  const { form, partner } = desk.settings;
  /** @type {{name: string, means: string}[]} */
  const categories = form["categories"];
  /** @type {string[]} */
  const severities = form["severities"];
  let key = "";
  /** What was said, by question: it comes from Python and outlives this page. @type {Map<string, Turn[]>} */
  const conversations = new Map();
  /** @type {{uuid: string, key: string, text: string, sofar: string, heardAt: number} | undefined} */
  let waiting;

  const log = make("ol", "turns");
  log.setAttribute("aria-label", "Conversation");
  log.setAttribute("aria-live", "polite");
  log.tabIndex = 0;
  const box = make("textarea", "message");
  box.rows = 3;
  box.maxLength = 20000;
  box.placeholder = partner
    ? "What you say to the model. Enter sends, Shift+Enter starts a new line."
    : "What you said to the model. Enter goes on to its reply, Shift+Enter starts a new line.";
  const boxLabel = make("label", "field", make("span", "", "Your message ", desk.kbds("message")), box);
  const replyBox = make("textarea", "reply");
  replyBox.rows = 3;
  replyBox.maxLength = 20000;
  const replyLabel = make("label", "field", make("span", "", "What the model said"), replyBox);
  replyLabel.hidden = partner;
  const alone = make("p", "note", "No model is connected: paste what it answered.");
  alone.hidden = partner;
  const send = makeButton("tool", partner ? "Send" : "Add to the conversation");
  const trouble = make("p", "trouble");
  trouble.setAttribute("role", "alert");
  trouble.hidden = true;
  const broke = make("textarea", "broke");
  broke.rows = 2;
  broke.maxLength = 20000;
  const brokeLabel = make("label", "field", make("span", "", "What broke, in a sentence"), broke);
  const table = createRows(desk, "What came of it");
  const verdict = make("div", "outcome", make("h2", "", "What came of it"), table.element, brokeLabel);
  const element = make(
    "div",
    "attack",
    make("div", "conversation", make("h2", "", "Conversation"), log, trouble, alone, boxLabel, replyLabel, send),
    verdict,
  );

  const attackRow = {
    name: "attack_category",
    title: "Kind of attack",
    options: categories.map(({ name, means }, index) => ({ value: name, text: name, means, action: `option_${index + 1}` })),
  };
  const successRow = {
    name: "success",
    title: "Did the model fail?",
    options: [
      { value: true, text: "It failed", action: "option_1" },
      { value: false, text: "It held", action: "option_2" },
    ],
  };
  const severityRow = {
    name: "severity",
    title: "How bad is it?",
    options: severities.map((text, index) => ({ value: index, text, action: `option_${index + 1}` })),
  };
  const all = [attackRow, successRow, severityRow];
  const short = [attackRow, successRow];

  const turns = () => conversations.get(key) ?? [];

  /** Ask how bad it is only where it failed. */
  function fit() {
    const failed = table.values().get("success") !== false;
    const given = [...table.values()].filter(([name]) => failed || name !== "severity");
    table.show(failed ? all : short, given);
    brokeLabel.hidden = table.values().get("success") !== true;
  }

  function refresh() {
    const mine = waiting?.key === key ? waiting : undefined;
    const rows = turns().map((turn) => entry(turn.role, turn.text));
    if (mine) rows.push(entry("user", mine.text), entry("assistant", mine.sofar || "…"));
    log.replaceChildren(...rows);
    log.hidden = !rows.length;
    log.scrollTop = log.scrollHeight;
    send.disabled = Boolean(mine);
    verdict.hidden = !turns().length;
    fit();
  }

  /** @param {Turn["role"]} role @param {string} text */
  function entry(role, text) {
    const words = make("div", "turn-text", text);
    words.dir = "auto";
    const made = make("li", "turn", make("span", "turn-who", role === "user" ? "You" : "Model"), words);
    made.dataset["role"] = role;
    return made;
  }

  function speak() {
    const text = box.value.trim();
    const reply = replyBox.value.trim();
    if (waiting) return;
    if (!partner && Boolean(text) !== Boolean(reply)) (text ? replyBox : box).focus(); // the other half is asked for
    if (!text || (!partner && !reply)) return;
    warn(trouble, "");
    box.value = "";
    replyBox.value = "";
    if (partner) {
      waiting = { uuid: uuid4(), key, text, sofar: "", heardAt: Date.now() };
      desk.post({ type: "say", uuid: waiting.uuid, question: key, text });
    } else {
      conversations.set(key, [...turns(), { role: "user", text }, { role: "assistant", text: reply }]);
      box.focus();
    }
    desk.changed();
    refresh();
  }
  send.addEventListener("click", speak, { signal });
  for (const field of [box, replyBox]) {
    field.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        speak();
      },
      { signal },
    );
  }
  for (const field of [box, replyBox, broke]) field.addEventListener("input", () => desk.changed(), { signal });
  const timer = setInterval(() => {
    if (!waiting || Date.now() - waiting.heardAt < WAIT_MS) return;
    waiting.heardAt = Date.now();
    desk.post({ type: "say", uuid: waiting.uuid, question: waiting.key, text: waiting.text });
  }, 1000);

  /** @returns {Answer} */
  function value() {
    const given = table.values();
    const success = given.get("success");
    return {
      turns: turns(),
      attack_category: given.get("attack_category"),
      success,
      severity: success ? (given.get("severity") ?? 0) : 0,
      ...(success && broke.value.trim() ? { broke: broke.value.trim() } : {}),
    };
  }

  return {
    element,
    ask(question, answer) {
      key = question.key;
      if (answer?.["turns"] && !turns().length) conversations.set(key, answer["turns"]);
      broke.value = answer?.["broke"] ?? "";
      box.value = answer?.["message"] ?? "";
      replyBox.value = answer?.["reply"] ?? "";
      warn(trouble, "");
      /** @type {[string, any][]} */
      const given = ["attack_category", "success", "severity"]
        .filter((name) => answer?.[name] !== undefined)
        .map((name) => [name, answer?.[name]]);
      table.show(all, given);
      refresh();
    },
    read() {
      if (waiting?.key === key) return "Wait for the model's reply.";
      if (!turns().length) return "Talk to the model first.";
      return table.missing().length ? `Not answered yet: ${table.missing().join(", ")}.` : value();
    },
    draft() {
      const given = Object.fromEntries(table.values());
      const unsaid = box.value || (waiting?.key === key ? waiting.text : "");
      const typed = { ...(unsaid ? { message: unsaid } : {}), ...(replyBox.value ? { reply: replyBox.value } : {}) };
      const own = partner || !turns().length ? {} : { turns: turns() };
      const words = broke.value ? { broke: broke.value } : {};
      const all = { ...given, ...typed, ...own, ...words };
      return Object.keys(all).length ? all : undefined;
    },
    act(action) {
      if (action === "message") {
        box.focus();
        return true;
      }
      if (!turns().length) return /^option_/.test(action);
      const done = table.act(action);
      if (done) fit();
      return done;
    },
    turns(which, said) {
      conversations.set(which, said);
      if (which !== key) return;
      if (box.value === said.findLast((turn) => turn.role === "user")?.text) box.value = ""; // it was said after all
      refresh();
    },
    hear(message) {
      const mine = waiting?.uuid === message.uuid ? waiting : undefined;
      if (mine && !message.done) {
        mine.sofar = message.text;
        mine.heardAt = Date.now();
      } else if (message.done) {
        const text = mine?.text;
        const which = mine?.key ?? message.question;
        if (mine) waiting = undefined;
        if (message.error) {
          if (which === key) {
            warn(trouble, message.error);
            if (text && !box.value) box.value = text; // nothing was kept, so it can be said again
          }
        } else if (text !== undefined) {
          const before = conversations.get(which) ?? [];
          const there = before.length > 2 * (message.number ?? Infinity); // a state that came before this had it already
          if (!there) {
            conversations.set(which, [...before, { role: "user", text }, { role: "assistant", text: message.text }]);
          }
          desk.tell(`The model says: ${message.text}`);
        } else desk.post({ type: "hello" }); // said in another tab, or before a reload
      }
      refresh();
    },
    said: (answer) =>
      `${answer["attack_category"]}: ${answer["success"] ? `it failed, ${severities[answer["severity"]]}` : "it held"}`,
    tally: (answers) => [
      ["The model failed", answers.filter((one) => one["success"]).length],
      ["It held", answers.filter((one) => !one["success"]).length],
    ],
    stop: () => clearInterval(timer),
  };
}
