// @ts-check
/**
 * HTML that safe_html.py made, rebuilt here from a second allow-list, element by element. It is the only way by which
 * anything becomes HTML on this page.
 */

const HTML_TAGS = new Set(
  "A BLOCKQUOTE BR CODE EM H1 H2 H3 H4 H5 H6 HR LI OL P PRE S SPAN STRONG TABLE TBODY TD TH THEAD TR UL".split(" "),
);
const MATH_TAGS = new Set(
  ("math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable mtd" +
    " mtext mtr munder munderover").split(" "),
);
const MATHML = "http://www.w3.org/1998/Math/MathML";

/** Rebuild sanitized HTML from nothing but listed elements and attributes. @param {string} html */
export function safeFragment(html) {
  const fragment = document.createDocumentFragment();
  copySafely(new DOMParser().parseFromString(html, "text/html").body, fragment);
  return fragment;
}

/** @param {Node} from @param {Node} to */
function copySafely(from, to) {
  for (const node of from.childNodes) {
    if (node instanceof Text) to.appendChild(document.createTextNode(node.data));
    if (!(node instanceof Element)) continue;
    const math = node.namespaceURI === MATHML && MATH_TAGS.has(node.tagName);
    if (!math && !(node instanceof HTMLElement && HTML_TAGS.has(node.tagName))) {
      to.appendChild(document.createTextNode(node.textContent ?? "")); // cannot be ours: show it, as text
      continue;
    }
    const copy = math ? document.createElementNS(MATHML, node.tagName) : document.createElement(node.tagName);
    const href = node.getAttribute("href") ?? "";
    if (copy instanceof HTMLAnchorElement && /^https?:\/\//i.test(href)) {
      copy.href = href;
      copy.rel = "noopener noreferrer nofollow";
      copy.target = "_blank";
      copy.title = href; // where a link leads is part of judging it
    }
    if (copy instanceof HTMLOListElement && node instanceof HTMLOListElement) copy.start = node.start;
    const kind = node.getAttribute("class") ?? "";
    if (copy instanceof HTMLSpanElement && /^hl-[ksmcn]$/.test(kind)) copy.className = kind; // a token of code
    if (math && node.getAttribute("display") === "block") copy.setAttribute("display", "block");
    if (math && node.getAttribute("mathvariant") === "normal") copy.setAttribute("mathvariant", "normal");
    to.appendChild(copy);
    copySafely(node, copy);
  }
}
