// @ts-check
"use strict";
// Draws the page's figures from the JSON blocks. Without this script each figure's table still says it all.
(() => {
  const blocks = document.querySelectorAll('script[type="application/json"][data-figure]');
  const drawn = [];
  for (const block of blocks) {
    const frame = /** @type {HTMLElement} */ (block.closest("figure"));
    const target = /** @type {HTMLElement} */ (frame.querySelector(".plot"));
    const { data, layout } = JSON.parse(block.textContent || "");
    frame.hidden = false; // first, because a hidden element has no width to draw into
    // @ts-ignore -- Plotly is the script before this one
    Plotly.newPlot(target, data, layout, { responsive: !layout.width, displayModeBar: false });
    drawn.push({ target, fixed: Boolean(layout.width) });
  }
  /** @type {HTMLDetailsElement[]} */
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details")].filter((one) => !one.open);
    for (const one of opened) one.open = true;
    // @ts-ignore
    for (const { target, fixed } of drawn) if (!fixed) Plotly.relayout(target, { width: 660 });
  });
  window.addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    // @ts-ignore
    for (const { target, fixed } of drawn) if (!fixed) Plotly.relayout(target, { width: null, autosize: true });
  });
})();
