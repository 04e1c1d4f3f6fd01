// @ts-check
/**
 * Runs before Voilà's script: tells people when their page has lost its kernel, and why.
 */
(() => {
  /** Close codes of sessions.Ending. @type {Record<number, string>} */
  const WORDS = {
    4001: "This page was ended because nothing happened for a while.",
    4002: "This page was opened again elsewhere. Go on there, or reload to go on here.",
    4003: "Your link has ended. Please ask the person who invited you for a new one.",
    4004: "This page lost its connection.",
    4005: "This page lost its connection.",
  };
  const LOST = "This page has lost its connection to the server. Wait a moment; if this stays, reload.";
  const KEPT = " Your answers are safe: what is not saved yet is kept in this browser and sent when you reload.";
  const SLOW = "This takes longer than it should. Please reload the page.";
  const PATIENCE_MS = 4000; // a connection that comes back within this is not worth a word
  const SLOW_MS = 60_000;

  let given = 0; // the close code that explains what happened, once there is one
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let worry;

  /** @param {string} text */
  function tell(text) {
    const told = document.getElementById("told");
    const words = told?.querySelector("span");
    if (!told || !words) return;
    words.textContent = text && text + KEPT;
    told.hidden = !text;
    const button = told.querySelector("button");
    if (button) button.onclick = () => location.reload();
  }

  // Voilà makes one web socket, and a new one each time the connection breaks.
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    /** @param {string | URL} url @param {string | string[]} [protocols] */
    constructor(url, protocols) {
      super(url, protocols);
      this.addEventListener("open", () => {
        clearTimeout(worry);
        if (!given) tell("");
      });
      this.addEventListener("close", ({ code }) => {
        if (WORDS[code]) given = code;
        const words = WORDS[given];
        clearTimeout(worry);
        if (words) tell(words);
        else worry = setTimeout(() => tell(LOST), PATIENCE_MS);
      });
    }
  };

  // Voilà ends the kernel when somebody is asked whether to leave, even if they stay. It shall when they have left.
  const listen = window.addEventListener;
  /** @param {string} type @param {any} listener @param {any} [options] */
  window.addEventListener = function (type, listener, options) {
    const ends = type === "beforeunload" && String(listener).includes("voila/api/shutdown");
    listen.call(window, ends ? "pagehide" : type, listener, options);
  };

  setTimeout(() => {
    const opening = document.getElementById("opening");
    if (opening) opening.textContent = SLOW;
  }, SLOW_MS);
  new MutationObserver((_, observer) => {
    const shown = document.querySelector(".wb-annotate, .wb-calm");
    if (!(shown instanceof HTMLElement)) return;
    observer.disconnect();
    document.getElementById("opening")?.remove();
    shown.focus({ preventScroll: true }); // the page is for labelling alone, so its keys work at once
  }).observe(document, { childList: true, subtree: true });
})();
