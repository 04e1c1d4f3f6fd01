// @ts-check
/** Stands where Voilà wants MathJax, which it asks for whether or not there is mathematics. Nothing is typeset. */
/** @type {any} */ (window).MathJax = {
  Hub: { Config() {}, Configured() {}, Queue() {}, Register: { StartupHook() {} } },
  Ajax: {},
};
