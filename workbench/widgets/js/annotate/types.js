// @ts-check
/**
 * What the page and Python say to each other, and what the page's parts say among themselves. See
 * widgets/annotate/widget.py and messages.py for the other half.
 *
 * @typedef {{html: string, raw: string}} Shown
 * @typedef {{name: string, text: string}} Check
 * @typedef {{key: string, prompt: Shown, responses: Shown[], checks: Check[]}} Question
 *
 * @typedef {Record<string, any>} Answer in the task's schema, responses named as the screen shows them
 * @typedef {{uuid: string, answer: Answer, reason?: string, comment?: string, clauses?: string[],
 *   flags?: string[]}} Given
 * @typedef {{role: "user" | "assistant", text: string}} Turn
 *
 * @typedef {{id: string, title: string, html: string}} Clause
 * @typedef {{title: string, html: string, answer: string, clause: string}} EdgeCase
 * @typedef {{ref: string, sha: string, criteria: string[], tie_rule: string, clauses: Clause[], edge_cases: EdgeCase[]}} Guideline
 * @typedef {{storage: string, pilot: string, batch: string, annotator: string, task: string, title: string,
 *   form: Record<string, any>, ask_reason: boolean, flags: string[], skip_reasons: string[],
 *   keys: Record<string, string[]>, guideline: Guideline, break_after_min: number, open: boolean, partner: boolean,
 *   waits: boolean}} Settings
 *
 * @typedef {{state: "practising" | "passed" | "failed" | "out", attempt: number, attempts: number, n: number,
 *   n_correct: number, n_mistakes: number, min_correct: number, max_mistakes: number}} Stands
 * @typedef {{phase: "practice" | "live", queue: string[], questions: Question[], given: Record<string, Given>,
 *   skipped: Record<string, string>, n_left: number, trouble?: string, turns: Record<string, Turn[]>,
 *   stands?: Stands}} State
 * @typedef {{right: boolean, answer: Answer, explanation: string, clause: string}} Feedback
 * @typedef {Record<string, {verdict: string, found: string}>} Verdicts
 *
 * @typedef {{type: "state"} & State} StateMessage
 * @typedef {{type: "questions", questions: Question[]}} QuestionsMessage
 * @typedef {{type: "ack", uuid: string, question: string, given?: Given, skipped?: string, feedback?: Feedback,
 *   checks?: Verdicts, stands?: Stands}} AckMessage
 * @typedef {{type: "aside", uuid: string, question: string, message: string}} AsideMessage
 * @typedef {{type: "refused", uuid: string, message: string, final: boolean}} RefusedMessage
 * `number` is the exchange's place in the conversation, from 0, once it is kept.
 * @typedef {{type: "said", uuid: string, question: string, text: string, done: boolean, number?: number,
 *   error?: string}} SaidMessage
 * @typedef {StateMessage | QuestionsMessage | AckMessage | AsideMessage | RefusedMessage | SaidMessage} Message
 *
 * @typedef {{get(name: string): any, send(content: object): void,
 *   on(event: string, callback: (message: Message) => void): void,
 *   off(event: string, callback: (message: Message) => void): void}} Model
 *
 * What is written beside an answer.
 * @typedef {{reason: string, comment: string, clauses: string[], flags: string[]}} Remarks
 * Work that is not finished yet, kept so that a reload loses none of it.
 * `guideline` is the sha256 of the version it was begun under.
 * @typedef {Remarks & {answer: Answer | undefined, guideline?: string | undefined}} Draft
 *
 * One task type's control: the buttons below the texts and what keys do to them.
 * @typedef {object} Control
 * @property {HTMLElement} element
 * @property {(question: Question, answer: Answer | undefined, chosen: boolean) => void} ask show a question, with an
 *   answer begun or given before; `chosen` tells whether that answer was given
 * @property {() => Answer | string} read the answer, or in words what is missing
 * @property {() => Answer | undefined} draft what has been entered so far, undefined where that is nothing
 * @property {(action: string) => boolean} act an action's key was pressed; whether it was this control's
 * @property {(answer: Answer, question: Question | undefined) => string} said an answer in words
 * @property {(answers: Answer[]) => [string, number][]} [tally] how often what was answered, for the last page
 * @property {(key: string, turns: Turn[]) => void} [turns] a conversation as it is known now
 * @property {(message: SaidMessage) => void} [hear] a model replies
 * @property {() => void} [stop] tidy up
 *
 * What a control is given.
 * @typedef {object} Desk
 * @property {Settings} settings
 * @property {AbortSignal} signal
 * @property {boolean} immediate whether one decision is all that is asked, so that making it saves it
 * @property {() => void} save
 * @property {() => void} changed something was entered
 * @property {(action: string, text: string, name?: string) => HTMLButtonElement} button a button that shows its keys
 *   and does its action
 * @property {(action: string, most?: number) => Node} kbds an action's keys as printed, kept up to date
 * @property {(words: string) => void} tell say something to a screen reader
 * @property {(content: object) => void} post
 * @property {() => void} takeKeys give the keys back to the widget
 */

export {};
