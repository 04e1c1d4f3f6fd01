// shared/dom.js
var KEY_NAMES = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  Enter: "Enter",
  Backspace: "⌫",
  " ": "Space"
};
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = `wb-${name}`;
  element.append(...children);
  return element;
}
function makeButton(name, ...children) {
  const made = make("button", name, ...children);
  made.type = "button";
  return made;
}
function keyName(key) {
  return KEY_NAMES[key] ?? key.toUpperCase();
}
function kbds(keys) {
  return keys.map((key) => make("kbd", "", keyName(key)));
}
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function warn(element, text) {
  say(element, text);
  element.hidden = !text;
}
function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
var ids = 0;
function freshId(name) {
  ids += 1;
  return `wb-${name}-${ids}`;
}

// annotate/safe.js
var HTML_TAGS = new Set(
  "A BLOCKQUOTE BR CODE EM H1 H2 H3 H4 H5 H6 HR LI OL P PRE S SPAN STRONG TABLE TBODY TD TH THEAD TR UL".split(" ")
);
var MATH_TAGS = new Set(
  "math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover".split(" ")
);
var MATHML = "http://www.w3.org/1998/Math/MathML";
function safeFragment(html) {
  const fragment = document.createDocumentFragment();
  copySafely(new DOMParser().parseFromString(html, "text/html").body, fragment);
  return fragment;
}
function copySafely(from, to) {
  for (const node of from.childNodes) {
    if (node instanceof Text) to.appendChild(document.createTextNode(node.data));
    if (!(node instanceof Element)) continue;
    const math = node.namespaceURI === MATHML && MATH_TAGS.has(node.tagName);
    if (!math && !(node instanceof HTMLElement && HTML_TAGS.has(node.tagName))) {
      to.appendChild(document.createTextNode(node.textContent ?? ""));
      continue;
    }
    const copy = math ? document.createElementNS(MATHML, node.tagName) : document.createElement(node.tagName);
    const href = node.getAttribute("href") ?? "";
    if (copy instanceof HTMLAnchorElement && /^https?:\/\//i.test(href)) {
      copy.href = href;
      copy.rel = "noopener noreferrer nofollow";
      copy.target = "_blank";
      copy.title = href;
    }
    if (copy instanceof HTMLOListElement && node instanceof HTMLOListElement) copy.start = node.start;
    const kind = node.getAttribute("class") ?? "";
    if (copy instanceof HTMLSpanElement && /^hl-[ksmcn]$/.test(kind)) copy.className = kind;
    if (math && node.getAttribute("display") === "block") copy.setAttribute("display", "block");
    if (math && node.getAttribute("mathvariant") === "normal") copy.setAttribute("mathvariant", "normal");
    to.appendChild(copy);
    copySafely(node, copy);
  }
}

// annotate/aside.js
function createAside(guideline, kbds2, signal, cite) {
  const element = make("aside", "guideline");
  element.setAttribute("aria-label", `Guideline ${guideline.ref}`);
  const search = make("input", "search");
  search.type = "search";
  search.placeholder = "Find a rule";
  search.setAttribute("aria-label", "Find a rule");
  const found = make("p", "note");
  found.setAttribute("role", "status");
  const finder = make("label", "finder", search, kbds2("search"));
  const buttons = /* @__PURE__ */ new Map();
  const entries = [];
  const clauses = guideline.clauses.map((clause) => {
    const button = makeButton("cite", clause.id);
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", `Cite clause ${clause.id}: ${clause.title}`);
    button.title = "Cite this clause with your answer";
    button.addEventListener("click", () => cite(clause.id), { signal });
    buttons.set(clause.id, button);
    const details = make("details", "rule", make("summary", "", clause.title));
    details.append(make("div", "text", safeFragment(clause.html)));
    const made = make("div", "clause", button, details);
    entries.push({ element: made, details, text: made.textContent ?? "" });
    return made;
  });
  const cases = guideline.edge_cases.map((one) => {
    const details = make("details", "case", make("summary", "", one.title), make("div", "text", safeFragment(one.html)));
    details.append(make("p", "", make("b", "", one.answer), one.clause ? ` (clause ${one.clause})` : ""));
    entries.push({ element: details, details, text: details.textContent ?? "" });
    return details;
  });
  const intro = make(
    "div",
    "intro",
    ...guideline.criteria.length ? [make("p", "", `Judge by: ${guideline.criteria.join(", ")}.`)] : [],
    ...guideline.tie_rule ? [make("h3", "", "Ties"), make("div", "text", safeFragment(guideline.tie_rule))] : []
  );
  const howTo = make("p", "note", "Press a clause's id to cite it with your answer, its title to read it.");
  const clausesTitle = make("h3", "", "Clauses ", kbds2("clauses"));
  const casesTitle = make("h3", "", "Edge cases");
  casesTitle.hidden = !cases.length;
  element.append(make("h2", "", `Guideline ${guideline.ref}`), finder, found, intro);
  element.append(clausesTitle, howTo, ...clauses, casesTitle, ...cases);
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const one of entries) {
      const hit = words.every((word) => one.text.toLowerCase().includes(word));
      one.element.hidden = !hit;
      one.details.open = hit && words.length > 0;
      n += Number(hit);
    }
    intro.hidden = howTo.hidden = words.length > 0;
    clausesTitle.hidden = words.length > 0 && clauses.every((one) => one.hidden);
    casesTitle.hidden = cases.every((one) => one.hidden);
    say(found, words.length ? `${n} of ${entries.length} rules` : "");
  }, { signal });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    if (search.value.trim()) readFound();
  }, { signal });
  function readFound() {
    const hit = entries.find((one) => !one.element.hidden);
    const button = hit?.element.querySelector("button");
    if (button) read(button);
    else if (hit) {
      hit.details.querySelector("summary")?.focus({ preventScroll: true });
      element.scrollTop = hit.element.offsetTop - 48;
    }
  }
  function read(button) {
    if (!button) return;
    for (const one of buttons.values()) {
      const words = one.nextElementSibling;
      if (words instanceof HTMLDetailsElement) words.open = one === button;
    }
    button.focus({ preventScroll: true });
    element.scrollTop = button.offsetTop - 48;
  }
  return {
    element,
    search,
    get visible() {
      return element.offsetParent !== null;
    },
    readFirst: () => read([...buttons.values()].find((one) => !one.parentElement?.hidden)),
    /** Open a clause without going there. @param {string} id */
    open(id) {
      const words = buttons.get(id)?.nextElementSibling;
      if (words instanceof HTMLDetailsElement) words.open = true;
    },
    /** Arrow keys on a clause's button go to the next one; whether they did. @param {KeyboardEvent} event */
    move(event) {
      if (!(event.target instanceof HTMLButtonElement) || !/^Arrow(Up|Down)$/.test(event.key)) return false;
      const all = [...buttons.values()].filter((one) => !one.parentElement?.hidden);
      const at = all.indexOf(event.target);
      if (at < 0) return false;
      read(all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % all.length]);
      return true;
    },
    /** Forget what was searched. */
    clearSearch() {
      if (!search.value) return;
      search.value = "";
      search.dispatchEvent(new Event("input"));
    },
    /** @param {Set<string>} cited */
    showCited(cited) {
      for (const [id, one] of buttons) set(one, "aria-pressed", String(cited.has(id)));
    },
    /** The title of a clause. @param {string} id */
    titleOf: (id) => guideline.clauses.find((one) => one.id === id)?.title ?? "",
    /** The text of a clause, for somewhere else on the page. @param {string} id */
    textOf: (id) => safeFragment(guideline.clauses.find((one) => one.id === id)?.html ?? "")
  };
}

// ../../../node_modules/diff/libesm/diff/base.js
var Diff = class {
  diff(oldStr, newStr, options = {}) {
    let callback;
    if (typeof options === "function") {
      callback = options;
      options = {};
    } else if ("callback" in options) {
      callback = options.callback;
    }
    const oldString = this.castInput(oldStr, options);
    const newString = this.castInput(newStr, options);
    const oldTokens = this.removeEmpty(this.tokenize(oldString, options));
    const newTokens = this.removeEmpty(this.tokenize(newString, options));
    return this.diffWithOptionsObj(oldTokens, newTokens, options, callback);
  }
  diffWithOptionsObj(oldTokens, newTokens, options, callback) {
    var _a;
    const done = (value) => {
      value = this.postProcess(value, options);
      if (callback) {
        setTimeout(function() {
          callback(value);
        }, 0);
        return void 0;
      } else {
        return value;
      }
    };
    const newLen = newTokens.length, oldLen = oldTokens.length;
    let editLength = 1;
    let maxEditLength = newLen + oldLen;
    if (options.maxEditLength != null) {
      maxEditLength = Math.min(maxEditLength, options.maxEditLength);
    }
    const maxExecutionTime = (_a = options.timeout) !== null && _a !== void 0 ? _a : Infinity;
    const abortAfterTimestamp = Date.now() + maxExecutionTime;
    const bestPath = [{ oldPos: -1, lastComponent: void 0 }];
    let newPos = this.extractCommon(bestPath[0], newTokens, oldTokens, 0, options);
    if (bestPath[0].oldPos + 1 >= oldLen && newPos + 1 >= newLen) {
      return done(this.buildValues(bestPath[0].lastComponent, newTokens, oldTokens));
    }
    let minDiagonalToConsider = -Infinity, maxDiagonalToConsider = Infinity;
    const execEditLength = () => {
      for (let diagonalPath = Math.max(minDiagonalToConsider, -editLength); diagonalPath <= Math.min(maxDiagonalToConsider, editLength); diagonalPath += 2) {
        let basePath;
        const removePath = bestPath[diagonalPath - 1], addPath = bestPath[diagonalPath + 1];
        if (removePath) {
          bestPath[diagonalPath - 1] = void 0;
        }
        let canAdd = false;
        if (addPath) {
          const addPathNewPos = addPath.oldPos - diagonalPath;
          canAdd = addPath && 0 <= addPathNewPos && addPathNewPos < newLen;
        }
        const canRemove = removePath && removePath.oldPos + 1 < oldLen;
        if (!canAdd && !canRemove) {
          bestPath[diagonalPath] = void 0;
          continue;
        }
        if (!canRemove || canAdd && removePath.oldPos < addPath.oldPos) {
          basePath = this.addToPath(addPath, true, false, 0, options);
        } else {
          basePath = this.addToPath(removePath, false, true, 1, options);
        }
        newPos = this.extractCommon(basePath, newTokens, oldTokens, diagonalPath, options);
        if (basePath.oldPos + 1 >= oldLen && newPos + 1 >= newLen) {
          return done(this.buildValues(basePath.lastComponent, newTokens, oldTokens)) || true;
        } else {
          bestPath[diagonalPath] = basePath;
          if (basePath.oldPos + 1 >= oldLen) {
            maxDiagonalToConsider = Math.min(maxDiagonalToConsider, diagonalPath - 1);
          }
          if (newPos + 1 >= newLen) {
            minDiagonalToConsider = Math.max(minDiagonalToConsider, diagonalPath + 1);
          }
        }
      }
      editLength++;
    };
    if (callback) {
      (function exec() {
        setTimeout(function() {
          if (editLength > maxEditLength || Date.now() > abortAfterTimestamp) {
            return callback(void 0);
          }
          if (!execEditLength()) {
            exec();
          }
        }, 0);
      })();
    } else {
      while (editLength <= maxEditLength && Date.now() <= abortAfterTimestamp) {
        const ret = execEditLength();
        if (ret) {
          return ret;
        }
      }
    }
  }
  addToPath(path, added, removed, oldPosInc, options) {
    const last = path.lastComponent;
    if (last && !options.oneChangePerToken && last.added === added && last.removed === removed) {
      return {
        oldPos: path.oldPos + oldPosInc,
        lastComponent: { count: last.count + 1, added, removed, previousComponent: last.previousComponent }
      };
    } else {
      return {
        oldPos: path.oldPos + oldPosInc,
        lastComponent: { count: 1, added, removed, previousComponent: last }
      };
    }
  }
  extractCommon(basePath, newTokens, oldTokens, diagonalPath, options) {
    const newLen = newTokens.length, oldLen = oldTokens.length;
    let oldPos = basePath.oldPos, newPos = oldPos - diagonalPath, commonCount = 0;
    while (newPos + 1 < newLen && oldPos + 1 < oldLen && this.equals(oldTokens[oldPos + 1], newTokens[newPos + 1], options)) {
      newPos++;
      oldPos++;
      commonCount++;
      if (options.oneChangePerToken) {
        basePath.lastComponent = { count: 1, previousComponent: basePath.lastComponent, added: false, removed: false };
      }
    }
    if (commonCount && !options.oneChangePerToken) {
      basePath.lastComponent = { count: commonCount, previousComponent: basePath.lastComponent, added: false, removed: false };
    }
    basePath.oldPos = oldPos;
    return newPos;
  }
  equals(left, right, options) {
    if (options.comparator) {
      return options.comparator(left, right);
    } else {
      return left === right || !!options.ignoreCase && left.toLowerCase() === right.toLowerCase();
    }
  }
  removeEmpty(array) {
    const ret = [];
    for (let i = 0; i < array.length; i++) {
      if (array[i]) {
        ret.push(array[i]);
      }
    }
    return ret;
  }
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  castInput(value, options) {
    return value;
  }
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  tokenize(value, options) {
    return Array.from(value);
  }
  join(chars) {
    return chars.join("");
  }
  postProcess(changeObjects, options) {
    return changeObjects;
  }
  get useLongestToken() {
    return false;
  }
  buildValues(lastComponent, newTokens, oldTokens) {
    const components = [];
    let nextComponent;
    while (lastComponent) {
      components.push(lastComponent);
      nextComponent = lastComponent.previousComponent;
      delete lastComponent.previousComponent;
      lastComponent = nextComponent;
    }
    components.reverse();
    const componentLen = components.length;
    let componentPos = 0, newPos = 0, oldPos = 0;
    for (; componentPos < componentLen; componentPos++) {
      const component = components[componentPos];
      if (!component.removed) {
        if (!component.added && this.useLongestToken) {
          let value = newTokens.slice(newPos, newPos + component.count);
          value = value.map(function(value2, i) {
            const oldValue = oldTokens[oldPos + i];
            return oldValue.length > value2.length ? oldValue : value2;
          });
          component.value = this.join(value);
        } else {
          component.value = this.join(newTokens.slice(newPos, newPos + component.count));
        }
        newPos += component.count;
        if (!component.added) {
          oldPos += component.count;
        }
      } else {
        component.value = this.join(oldTokens.slice(oldPos, oldPos + component.count));
        oldPos += component.count;
      }
    }
    return components;
  }
};

// ../../../node_modules/diff/libesm/util/string.js
function longestCommonPrefix(str1, str2) {
  let i;
  for (i = 0; i < str1.length && i < str2.length; i++) {
    if (str1[i] != str2[i]) {
      return str1.slice(0, i);
    }
  }
  return str1.slice(0, i);
}
function longestCommonSuffix(str1, str2) {
  let i;
  if (!str1 || !str2 || str1[str1.length - 1] != str2[str2.length - 1]) {
    return "";
  }
  for (i = 0; i < str1.length && i < str2.length; i++) {
    if (str1[str1.length - (i + 1)] != str2[str2.length - (i + 1)]) {
      return str1.slice(-i);
    }
  }
  return str1.slice(-i);
}
function replacePrefix(string, oldPrefix, newPrefix) {
  if (string.slice(0, oldPrefix.length) != oldPrefix) {
    throw Error(`string ${JSON.stringify(string)} doesn't start with prefix ${JSON.stringify(oldPrefix)}; this is a bug`);
  }
  return newPrefix + string.slice(oldPrefix.length);
}
function replaceSuffix(string, oldSuffix, newSuffix) {
  if (!oldSuffix) {
    return string + newSuffix;
  }
  if (string.slice(-oldSuffix.length) != oldSuffix) {
    throw Error(`string ${JSON.stringify(string)} doesn't end with suffix ${JSON.stringify(oldSuffix)}; this is a bug`);
  }
  return string.slice(0, -oldSuffix.length) + newSuffix;
}
function removePrefix(string, oldPrefix) {
  return replacePrefix(string, oldPrefix, "");
}
function removeSuffix(string, oldSuffix) {
  return replaceSuffix(string, oldSuffix, "");
}
function maximumOverlap(string1, string2) {
  return string2.slice(0, overlapCount(string1, string2));
}
function overlapCount(a, b) {
  let startA = 0;
  if (a.length > b.length) {
    startA = a.length - b.length;
  }
  let endB = b.length;
  if (a.length < b.length) {
    endB = a.length;
  }
  const map = Array(endB);
  let k = 0;
  map[0] = 0;
  for (let j = 1; j < endB; j++) {
    if (b[j] == b[k]) {
      map[j] = map[k];
    } else {
      map[j] = k;
    }
    while (k > 0 && b[j] != b[k]) {
      k = map[k];
    }
    if (b[j] == b[k]) {
      k++;
    }
  }
  k = 0;
  for (let i = startA; i < a.length; i++) {
    while (k > 0 && a[i] != b[k]) {
      k = map[k];
    }
    if (a[i] == b[k]) {
      k++;
    }
  }
  return k;
}
function segment(string, segmenter) {
  const parts = [];
  for (const segmentObj of Array.from(segmenter.segment(string))) {
    const segment2 = segmentObj.segment;
    if (parts.length && /\s/.test(parts[parts.length - 1]) && /\s/.test(segment2)) {
      parts[parts.length - 1] += segment2;
    } else {
      parts.push(segment2);
    }
  }
  return parts;
}
function trailingWs(string, segmenter) {
  if (segmenter) {
    return leadingAndTrailingWs(string, segmenter)[1];
  }
  let i;
  for (i = string.length - 1; i >= 0; i--) {
    if (!string[i].match(/\s/)) {
      break;
    }
  }
  return string.substring(i + 1);
}
function leadingWs(string, segmenter) {
  if (segmenter) {
    return leadingAndTrailingWs(string, segmenter)[0];
  }
  const match = string.match(/^\s*/);
  return match ? match[0] : "";
}
function leadingAndTrailingWs(string, segmenter) {
  if (!segmenter) {
    return [leadingWs(string), trailingWs(string)];
  }
  if (segmenter.resolvedOptions().granularity != "word") {
    throw new Error('The segmenter passed must have a granularity of "word"');
  }
  const segments = segment(string, segmenter);
  const firstSeg = segments[0];
  const lastSeg = segments[segments.length - 1];
  const head = /\s/.test(firstSeg) ? firstSeg : "";
  const tail = /\s/.test(lastSeg) ? lastSeg : "";
  return [head, tail];
}

// ../../../node_modules/diff/libesm/diff/word.js
var extendedWordChars = "a-zA-Z0-9_\\u{AD}\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2C6}\\u{2C8}-\\u{2D7}\\u{2DE}-\\u{2FF}\\u{1E00}-\\u{1EFF}";
var tokenizeIncludingWhitespace = new RegExp(`[${extendedWordChars}]+|\\s+|[^${extendedWordChars}]`, "ug");
var WordDiff = class extends Diff {
  equals(left, right, options) {
    if (options.ignoreCase) {
      left = left.toLowerCase();
      right = right.toLowerCase();
    }
    return left.trim() === right.trim();
  }
  tokenize(value, options = {}) {
    let parts;
    if (options.intlSegmenter) {
      const segmenter = options.intlSegmenter;
      if (segmenter.resolvedOptions().granularity != "word") {
        throw new Error('The segmenter passed must have a granularity of "word"');
      }
      parts = segment(value, segmenter);
    } else {
      parts = value.match(tokenizeIncludingWhitespace) || [];
    }
    const tokens = [];
    let prevPart = null;
    parts.forEach((part) => {
      if (/\s/.test(part)) {
        if (prevPart == null) {
          tokens.push(part);
        } else {
          tokens.push(tokens.pop() + part);
        }
      } else if (prevPart != null && /\s/.test(prevPart)) {
        if (tokens[tokens.length - 1] == prevPart) {
          tokens.push(tokens.pop() + part);
        } else {
          tokens.push(prevPart + part);
        }
      } else {
        tokens.push(part);
      }
      prevPart = part;
    });
    return tokens;
  }
  join(tokens) {
    return tokens.map((token, i) => {
      if (i == 0) {
        return token;
      } else {
        return token.replace(/^\s+/, "");
      }
    }).join("");
  }
  postProcess(changes, options) {
    if (!changes || options.oneChangePerToken) {
      return changes;
    }
    let lastKeep = null;
    let insertion = null;
    let deletion = null;
    changes.forEach((change) => {
      if (change.added) {
        insertion = change;
      } else if (change.removed) {
        deletion = change;
      } else {
        if (insertion || deletion) {
          dedupeWhitespaceInChangeObjects(lastKeep, deletion, insertion, change, options.intlSegmenter);
        }
        lastKeep = change;
        insertion = null;
        deletion = null;
      }
    });
    if (insertion || deletion) {
      dedupeWhitespaceInChangeObjects(lastKeep, deletion, insertion, null, options.intlSegmenter);
    }
    return changes;
  }
};
var wordDiff = new WordDiff();
function dedupeWhitespaceInChangeObjects(startKeep, deletion, insertion, endKeep, segmenter) {
  if (deletion && insertion) {
    const [oldWsPrefix, oldWsSuffix] = leadingAndTrailingWs(deletion.value, segmenter);
    const [newWsPrefix, newWsSuffix] = leadingAndTrailingWs(insertion.value, segmenter);
    if (startKeep) {
      const commonWsPrefix = longestCommonPrefix(oldWsPrefix, newWsPrefix);
      startKeep.value = replaceSuffix(startKeep.value, newWsPrefix, commonWsPrefix);
      deletion.value = removePrefix(deletion.value, commonWsPrefix);
      insertion.value = removePrefix(insertion.value, commonWsPrefix);
    }
    if (endKeep) {
      const commonWsSuffix = longestCommonSuffix(oldWsSuffix, newWsSuffix);
      endKeep.value = replacePrefix(endKeep.value, newWsSuffix, commonWsSuffix);
      deletion.value = removeSuffix(deletion.value, commonWsSuffix);
      insertion.value = removeSuffix(insertion.value, commonWsSuffix);
    }
  } else if (insertion) {
    if (startKeep) {
      const ws = leadingWs(insertion.value, segmenter);
      insertion.value = insertion.value.substring(ws.length);
    }
    if (endKeep) {
      const ws = leadingWs(endKeep.value, segmenter);
      endKeep.value = endKeep.value.substring(ws.length);
    }
  } else if (startKeep && endKeep) {
    const newWsFull = leadingWs(endKeep.value, segmenter), [delWsStart, delWsEnd] = leadingAndTrailingWs(deletion.value, segmenter);
    const newWsStart = longestCommonPrefix(newWsFull, delWsStart);
    deletion.value = removePrefix(deletion.value, newWsStart);
    const newWsEnd = longestCommonSuffix(removePrefix(newWsFull, newWsStart), delWsEnd);
    deletion.value = removeSuffix(deletion.value, newWsEnd);
    endKeep.value = replacePrefix(endKeep.value, newWsFull, newWsEnd);
    startKeep.value = replaceSuffix(startKeep.value, newWsFull, newWsFull.slice(0, newWsFull.length - newWsEnd.length));
  } else if (endKeep) {
    const endKeepWsPrefix = leadingWs(endKeep.value, segmenter);
    const deletionWsSuffix = trailingWs(deletion.value, segmenter);
    const overlap = maximumOverlap(deletionWsSuffix, endKeepWsPrefix);
    deletion.value = removeSuffix(deletion.value, overlap);
  } else if (startKeep) {
    const startKeepWsSuffix = trailingWs(startKeep.value, segmenter);
    const deletionWsPrefix = leadingWs(deletion.value, segmenter);
    const overlap = maximumOverlap(startKeepWsSuffix, deletionWsPrefix);
    deletion.value = removePrefix(deletion.value, overlap);
  }
}
var WordsWithSpaceDiff = class extends Diff {
  tokenize(value) {
    const regex = new RegExp(`(\\r?\\n)|[${extendedWordChars}]+|[^\\S\\n\\r]+|[^${extendedWordChars}]`, "ug");
    return value.match(regex) || [];
  }
};
var wordsWithSpaceDiff = new WordsWithSpaceDiff();
function diffWordsWithSpace(oldStr, newStr, options) {
  return wordsWithSpaceDiff.diff(oldStr, newStr, options);
}

// annotate/difference.js
var LONGEST = 6e4;
function differences(one, other) {
  const left = make("pre", "compared");
  const right = make("pre", "compared");
  left.dir = right.dir = "auto";
  const parts = one.length + other.length > LONGEST ? void 0 : diffWordsWithSpace(one, other, { timeout: 500 });
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

// annotate/card.js
function responseName(task, n, index) {
  if (task === "pairwise") return index ? "Right" : "Left";
  return n > 1 ? `Response ${index + 1}` : "Response";
}
function createCards(task, signal) {
  const cards = /* @__PURE__ */ new Map();
  let inStep = true;
  function panel(name, title, shown) {
    const text = make("div", "text", safeFragment(shown.html));
    const raw = make("pre", "raw", shown.raw);
    text.dir = raw.dir = "auto";
    const scroll = make("div", "scroll", text, raw);
    const heading = make("h2", "", title);
    heading.id = freshId("title");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-labelledby", heading.id);
    return make("section", name, heading, scroll);
  }
  function couple(scrolls) {
    let leader;
    let free = 0;
    for (const one of scrolls) {
      one.addEventListener(
        "scroll",
        () => {
          if (!inStep || leader && leader !== one) return;
          leader = one;
          clearTimeout(free);
          free = setTimeout(() => leader = void 0, 120);
          const room = one.scrollHeight - one.clientHeight;
          if (room <= 0) return;
          for (const other of scrolls) {
            if (other !== one) other.scrollTop = one.scrollTop / room * (other.scrollHeight - other.clientHeight);
          }
        },
        { signal, passive: true }
      );
    }
  }
  function build(question) {
    const item = make("div", "item", panel("prompt", task === "red_team" ? "Brief" : "Prompt", question.prompt));
    const n = question.responses.length;
    item.dataset["n"] = String(n);
    const scrolls = question.responses.map((shown, index) => {
      const name = task === "pairwise" ? index ? "right" : "left" : "response";
      const made = panel(name, responseName(task, n, index), shown);
      made.classList.add("wb-answer");
      item.append(made);
      return (
        /** @type {HTMLElement} */
        made.lastElementChild
      );
    });
    if (n > 1) couple(scrolls);
    return item;
  }
  return {
    /** The texts of a question, built once. @param {Question} question */
    of(question) {
      const made = cards.get(question.key) ?? build(question);
      cards.set(question.key, made);
      return made;
    },
    /** Forget all but these. @param {Set<string | undefined>} near */
    keepOnly(near) {
      for (const key of cards.keys()) if (!near.has(key)) cards.delete(key);
    },
    /** Mark what differs between the responses of a card, once. @param {Question} question @param {HTMLElement} card */
    showDifferences(question, card) {
      if (card.dataset["compared"]) return;
      card.dataset["compared"] = "yes";
      const [first, ...others] = question.responses;
      const scrolls = [...card.querySelectorAll(".wb-answer .wb-scroll")];
      if (!first || !others.length) return;
      others.forEach((other, index) => {
        const [before, after] = differences(first.raw, other.raw);
        scrolls[index + 1]?.append(after);
        if (index === 0) scrolls[0]?.append(others.length === 1 ? before : make("pre", "compared", first.raw));
      });
    },
    /** @param {HTMLElement} card @param {number} direction */
    scroll(card, direction) {
      const was = inStep;
      inStep = false;
      for (const one of card.querySelectorAll(".wb-answer .wb-scroll")) {
        one.scrollBy({ top: direction * one.clientHeight * 0.6 });
      }
      setTimeout(() => inStep = was);
    },
    get inStep() {
      return inStep;
    },
    set inStep(on) {
      inStep = on;
    }
  };
}

// annotate/outbox.js
var LATE_MS = 2e3;
var RESEND_MS = 5e3;
function uuid4() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] ?? 0) & 15 | 64;
  bytes[8] = (bytes[8] ?? 0) & 63 | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
function parsed(text) {
  try {
    const entry = JSON.parse(text ?? "null");
    const usable = typeof entry?.question === "string" && typeof entry.uuid === "string" && Number.isFinite(entry.at) && (entry.type === "answer" && typeof entry.answer === "object" && Array.isArray(entry.clauses) || entry.type === "skip" && typeof entry.reason === "string");
    return usable ? (
      /** @type {Entry} */
      entry
    ) : void 0;
  } catch {
    return void 0;
  }
}
function withStorage(use) {
  try {
    use();
  } catch {
  }
}
function createOutbox(prefix, send) {
  const waiting = /* @__PURE__ */ new Map();
  const latest = /* @__PURE__ */ new Map();
  let last = 0;
  const drop = (uuid) => {
    const entry = waiting.get(uuid)?.entry;
    withStorage(() => localStorage.removeItem(prefix + uuid));
    if (!entry) return;
    waiting.delete(uuid);
    if (latest.get(entry.question) !== entry) return;
    latest.delete(entry.question);
    for (const other of waiting.values()) if (other.entry.question === entry.question) latest.set(entry.question, other.entry);
  };
  const keep = (entry) => {
    waiting.set(entry.uuid, { entry, sentAt: 0, refused: "", final: false });
    if ((latest.get(entry.question)?.at ?? 0) <= entry.at) latest.set(entry.question, entry);
    last = Math.max(last, entry.at);
  };
  function adopt() {
    const found = [];
    withStorage(() => {
      for (const name of Object.keys(localStorage)) {
        if (!name.startsWith(prefix) || waiting.has(name.slice(prefix.length))) continue;
        const entry = parsed(localStorage.getItem(name));
        if (entry && name === prefix + entry.uuid) found.push(entry);
      }
    });
    if (!found.length) return 0;
    found.forEach(keep);
    const all = [...waiting].sort(([, one], [, other]) => one.entry.at - other.entry.at);
    waiting.clear();
    for (const [uuid, one] of all) waiting.set(uuid, one);
    return found.length;
  }
  return {
    get size() {
      return waiting.size;
    },
    /** The newest unsaved entry of a question. @param {string} question */
    latest: (question) => latest.get(question),
    /** @param {Content} content */
    add(content) {
      adopt();
      const entry = (
        /** @type {Entry} */
        { ...content, uuid: uuid4(), at: Math.max(Date.now(), last + 1) }
      );
      keep(entry);
      withStorage(() => localStorage.setItem(prefix + entry.uuid, JSON.stringify(entry)));
      return entry;
    },
    adopt,
    /** Send what is due; a correction waits until the answer it corrects is out of the way. */
    pump() {
      const now = performance.now();
      const asked = /* @__PURE__ */ new Set();
      for (const one of waiting.values()) {
        if (one.final || asked.has(one.entry.question)) continue;
        asked.add(one.entry.question);
        if (one.sentAt && now - one.sentAt < RESEND_MS) continue;
        one.sentAt = now;
        send(one.entry);
      }
    },
    /** @param {string} uuid */
    saved: drop,
    /** @param {string} uuid @param {string} message @param {boolean} final */
    refused(uuid, message, final) {
      const one = waiting.get(uuid);
      if (one) Object.assign(one, { refused: message, final });
      return Boolean(one);
    },
    /** Give up on entries that can never be saved. */
    discard() {
      for (const one of [...waiting.values()]) if (one.final) drop(one.entry.uuid);
    },
    /** How the unsaved entries stand. */
    counts() {
      const now = Date.now();
      const all = [...waiting.values()];
      const late = all.filter((one) => one.refused || now - one.entry.at > LATE_MS);
      return {
        sending: all.length - late.length,
        late: late.length,
        refused: late.find((one) => one.refused)?.refused ?? "",
        final: all.filter((one) => one.final).length
      };
    }
  };
}

// annotate/controls/rows.js
var LONG = 24;
function createRows(desk, label) {
  const element = make("div", "rows");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", label);
  let shown = [];
  let values = /* @__PURE__ */ new Map();
  let at = 0;
  function build(row, index) {
    const title = make("span", "row-title", row.title);
    title.id = freshId("row");
    const buttons = row.options.map((option) => {
      const button = makeButton("option", make("span", "", option.text));
      button.append(desk.kbds(option.action, 1));
      button.setAttribute("role", "radio");
      if (option.means) button.title = option.means;
      button.addEventListener(
        "click",
        () => {
          at = index;
          choose(option.value);
        },
        { signal: desk.signal }
      );
      button.addEventListener("keydown", (event) => walk(event, index), { signal: desk.signal });
      return button;
    });
    const options = make("div", "options", ...buttons);
    options.setAttribute("role", "radiogroup");
    options.setAttribute("aria-labelledby", title.id);
    const head = make("div", "row-head", title, ...row.means ? [make("span", "note", row.means)] : []);
    const made = make("div", "row", head, options);
    made.addEventListener(
      "focusin",
      () => {
        if (at === index) return;
        at = index;
        refresh();
      },
      { signal: desk.signal }
    );
    return { row, element: made, buttons };
  }
  function walk(event, index) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const own = shown[index];
    if (!step || !own || event.ctrlKey || event.metaKey || event.altKey) return;
    const n = own.buttons.length;
    const here = own.buttons.findIndex((button) => button === event.target);
    const there = (here + step + n) % n;
    event.preventDefault();
    event.stopPropagation();
    values.set(own.row.name, own.row.options[there]?.value);
    desk.changed();
    refresh();
    own.buttons[there]?.focus();
  }
  function choose(value) {
    const own = shown[at];
    if (!own) return;
    values.set(own.row.name, value);
    const next = shown.findIndex((one, index) => index > at && !values.has(one.row.name));
    const open = next >= 0 ? next : shown.findIndex((one) => !values.has(one.row.name));
    desk.tell(`${own.row.title}: ${own.row.options.find((option) => option.value === value)?.text ?? ""}`);
    if (open >= 0) at = open;
    else if (at < shown.length - 1) at += 1;
    desk.changed();
    refresh();
    shown[at]?.element.scrollIntoView({ block: "nearest" });
    desk.takeKeys();
  }
  function refresh() {
    shown.forEach(({ row, element: made, buttons }, index) => {
      made.dataset["here"] = String(index === at);
      made.dataset["answered"] = String(values.has(row.name));
      const chosen = row.options.findIndex((option) => option.value === values.get(row.name));
      buttons.forEach((button, place) => {
        set(button, "aria-checked", String(place === chosen));
        button.tabIndex = place === Math.max(chosen, 0) ? 0 : -1;
      });
    });
  }
  return {
    element,
    /**
     * @param {Row[]} rows
     * @param {Iterable<[string, any]>} [given] what is not among the rows was asked by another version of the guideline
     */
    show(rows, given = []) {
      const asked = new Map(rows.map((row) => [row.name, row.options.map((option) => option.value)]));
      values = new Map([...given].filter(([name, value]) => asked.get(name)?.includes(value)));
      const same = rows.length === shown.length && rows.every((row, index) => row === shown[index]?.row);
      if (!same) {
        shown = rows.map(build);
        element.dataset["long"] = String(rows.some((row) => row.options.some((option) => option.text.length > LONG)));
        element.replaceChildren(...shown.map((one) => one.element));
      }
      at = Math.max(0, rows.findIndex((row) => !values.has(row.name)));
      refresh();
    },
    values: () => values,
    /** Titles of the rows without an answer. */
    missing: () => shown.filter(({ row }) => !values.has(row.name)).map(({ row }) => row.title),
    /** @param {string} name @param {any} value */
    put(name, value) {
      values.set(name, value);
      refresh();
    },
    /** @param {string} name */
    clear(name) {
      values.delete(name);
      refresh();
    },
    /** @param {string} action @returns {boolean} */
    act(action) {
      if (action === "row_down" || action === "row_up") {
        const step = action === "row_down" ? 1 : -1;
        at = Math.min(Math.max(at + step, 0), shown.length - 1);
        refresh();
        shown[at]?.element.scrollIntoView({ block: "nearest" });
        desk.tell(shown[at]?.row.title ?? "");
        return true;
      }
      const option = shown[at]?.row.options.find((one) => one.action === action);
      if (option) choose(option.value);
      return Boolean(option);
    },
    refresh
  };
}

// annotate/controls/attack.js
var WAIT_MS = 4e3;
function createAttack(desk) {
  const { signal } = desk;
  const { form, partner } = desk.settings;
  const categories = form["categories"];
  const severities = form["severities"];
  let key = "";
  const conversations = /* @__PURE__ */ new Map();
  let waiting;
  const log = make("ol", "turns");
  log.setAttribute("aria-label", "Conversation");
  log.setAttribute("aria-live", "polite");
  log.tabIndex = 0;
  const box = make("textarea", "message");
  box.rows = 3;
  box.maxLength = 2e4;
  box.placeholder = partner ? "What you say to the model. Enter sends, Shift+Enter starts a new line." : "What you said to the model. Enter goes on to its reply, Shift+Enter starts a new line.";
  const boxLabel = make("label", "field", make("span", "", "Your message ", desk.kbds("message")), box);
  const replyBox = make("textarea", "reply");
  replyBox.rows = 3;
  replyBox.maxLength = 2e4;
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
  broke.maxLength = 2e4;
  const brokeLabel = make("label", "field", make("span", "", "What broke, in a sentence"), broke);
  const table = createRows(desk, "What came of it");
  const verdict = make("div", "outcome", make("h2", "", "What came of it"), table.element, brokeLabel);
  const element = make(
    "div",
    "attack",
    make("div", "conversation", make("h2", "", "Conversation"), log, trouble, alone, boxLabel, replyLabel, send),
    verdict
  );
  const attackRow = {
    name: "attack_category",
    title: "Kind of attack",
    options: categories.map(({ name, means }, index) => ({ value: name, text: name, means, action: `option_${index + 1}` }))
  };
  const successRow = {
    name: "success",
    title: "Did the model fail?",
    options: [
      { value: true, text: "It failed", action: "option_1" },
      { value: false, text: "It held", action: "option_2" }
    ]
  };
  const severityRow = {
    name: "severity",
    title: "How bad is it?",
    options: severities.map((text, index) => ({ value: index, text, action: `option_${index + 1}` }))
  };
  const all = [attackRow, successRow, severityRow];
  const short = [attackRow, successRow];
  const turns = () => conversations.get(key) ?? [];
  function fit() {
    const failed = table.values().get("success") !== false;
    const given = [...table.values()].filter(([name]) => failed || name !== "severity");
    table.show(failed ? all : short, given);
    brokeLabel.hidden = table.values().get("success") !== true;
  }
  function refresh() {
    const mine = waiting?.key === key ? waiting : void 0;
    const rows = turns().map((turn) => entry(turn.role, turn.text));
    if (mine) rows.push(entry("user", mine.text), entry("assistant", mine.sofar || "…"));
    log.replaceChildren(...rows);
    log.hidden = !rows.length;
    log.scrollTop = log.scrollHeight;
    send.disabled = Boolean(mine);
    verdict.hidden = !turns().length;
    fit();
  }
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
    if (!partner && Boolean(text) !== Boolean(reply)) (text ? replyBox : box).focus();
    if (!text || !partner && !reply) return;
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
      { signal }
    );
  }
  for (const field of [box, replyBox, broke]) field.addEventListener("input", () => desk.changed(), { signal });
  const timer = setInterval(() => {
    if (!waiting || Date.now() - waiting.heardAt < WAIT_MS) return;
    waiting.heardAt = Date.now();
    desk.post({ type: "say", uuid: waiting.uuid, question: waiting.key, text: waiting.text });
  }, 1e3);
  function value() {
    const given = table.values();
    const success = given.get("success");
    return {
      turns: turns(),
      attack_category: given.get("attack_category"),
      success,
      severity: success ? given.get("severity") ?? 0 : 0,
      ...success && broke.value.trim() ? { broke: broke.value.trim() } : {}
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
      const given = ["attack_category", "success", "severity"].filter((name) => answer?.[name] !== void 0).map((name) => [name, answer?.[name]]);
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
      const typed = { ...unsaid ? { message: unsaid } : {}, ...replyBox.value ? { reply: replyBox.value } : {} };
      const own = partner || !turns().length ? {} : { turns: turns() };
      const words = broke.value ? { broke: broke.value } : {};
      const all2 = { ...given, ...typed, ...own, ...words };
      return Object.keys(all2).length ? all2 : void 0;
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
    turns(which, said2) {
      conversations.set(which, said2);
      if (which !== key) return;
      if (box.value === said2.findLast((turn) => turn.role === "user")?.text) box.value = "";
      refresh();
    },
    hear(message) {
      const mine = waiting?.uuid === message.uuid ? waiting : void 0;
      if (mine && !message.done) {
        mine.sofar = message.text;
        mine.heardAt = Date.now();
      } else if (message.done) {
        const text = mine?.text;
        const which = mine?.key ?? message.question;
        if (mine) waiting = void 0;
        if (message.error) {
          if (which === key) {
            warn(trouble, message.error);
            if (text && !box.value) box.value = text;
          }
        } else if (text !== void 0) {
          const before = conversations.get(which) ?? [];
          const there = before.length > 2 * (message.number ?? Infinity);
          if (!there) {
            conversations.set(which, [...before, { role: "user", text }, { role: "assistant", text: message.text }]);
          }
          desk.tell(`The model says: ${message.text}`);
        } else desk.post({ type: "hello" });
      }
      refresh();
    },
    said: (answer) => `${answer["attack_category"]}: ${answer["success"] ? `it failed, ${severities[answer["severity"]]}` : "it held"}`,
    tally: (answers) => [
      ["The model failed", answers.filter((one) => one["success"]).length],
      ["It held", answers.filter((one) => !one["success"]).length]
    ],
    stop: () => clearInterval(timer)
  };
}

// annotate/controls/checklist.js
var VERDICTS = { yes: "Followed", no: "Not followed", not_applicable: "Does not apply" };
function createChecklist(desk) {
  const verdicts = desk.settings.form["verdicts"];
  const options = verdicts.map((value) => ({ value, text: VERDICTS[value] ?? value, action: value }));
  const table = createRows(desk, "Was each instruction followed?");
  return {
    element: table.element,
    ask(question, answer) {
      const rows = question.checks.map(({ name, text }) => ({ name, title: text, options }));
      table.show(rows, Object.entries(answer?.["checks"] ?? {}));
    },
    read: () => table.missing().length ? `${table.missing().length} not answered yet: ${table.missing()[0]}` : { checks: Object.fromEntries(table.values()) },
    draft: () => table.values().size ? { checks: Object.fromEntries(table.values()) } : void 0,
    act: (action) => table.act(action),
    said(answer, question) {
      const texts = new Map(question?.checks.map((one) => [one.name, one.text]));
      return Object.entries(answer["checks"]).map(([name, verdict]) => `${texts.get(name) ?? name}: ${VERDICTS[
        /** @type {string} */
        verdict
      ]}`).join("; ");
    }
  };
}

// annotate/controls/claims.js
var VERDICTS2 = {
  supported: "Supported",
  contradicted: "Contradicted",
  not_enough_evidence: "Not enough evidence",
  source_unavailable: "Source unavailable"
};
var LONGEST_SHOWN = 90;
function sentencesOf(text) {
  const found = [];
  const lines = text.matchAll(/[^\n]+/g);
  const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
  for (const line of lines) {
    for (const { segment: segment2, index } of segmenter.segment(line[0])) {
      const trimmed = segment2.trim();
      if (!/[\p{L}\p{N}]/u.test(trimmed)) continue;
      const start = line.index + index + segment2.indexOf(trimmed);
      found.push([start, start + trimmed.length]);
    }
  }
  return found;
}
function wholeWords(text, [start, end]) {
  const words = new Intl.Segmenter("en", { granularity: "word" }).segment(text);
  const last = words.containing(end - 1);
  return [words.containing(start)?.index ?? start, last ? last.index + last.segment.length : end];
}
function offsetsOf(text) {
  return {
    /** @param {number} units */
    toPoints: (units) => [...text.slice(0, units)].length,
    /** @param {number} points */
    toUnits: (points) => [...text].slice(0, points).join("").length
  };
}
function createClaims(desk) {
  const { signal } = desk;
  const { form } = desk.settings;
  const verdicts = form["verdicts"];
  const needSource = form["need_source"];
  let text = "";
  let sentences = [];
  let at = 0;
  let claims = [];
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
    make("div", "factual-claims", make("h2", "", "Claims"), editor.element, list, noneButton)
  );
  const isHeld = (claim) => claim === held;
  const claimAt = ([start, end]) => claims.find((claim) => claim.start < end && start < claim.end);
  const words = (claim) => {
    const full = text.slice(claim.start, claim.end);
    return full.length > LONGEST_SHOWN ? `${full.slice(0, LONGEST_SHOWN - 1)}…` : full;
  };
  function createEditor() {
    const quoted = make("p", "claim-text");
    const buttons = verdicts.map((verdict, index) => {
      const made2 = makeButton("option", make("span", "", VERDICTS2[verdict.name] ?? verdict.name));
      made2.append(desk.kbds(`option_${index + 1}`));
      made2.setAttribute("role", "radio");
      if (verdict.means) made2.title = verdict.means;
      made2.addEventListener("click", () => judge(verdict.name), { signal });
      return made2;
    });
    const options = make("div", "options", ...buttons);
    options.setAttribute("role", "radiogroup");
    options.setAttribute("aria-label", "Verdict");
    const url = make("input", "source");
    url.type = "url";
    url.maxLength = 2e3;
    url.placeholder = "https://…";
    const quote = make("textarea", "quote");
    quote.rows = 2;
    quote.maxLength = 2e4;
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
        { signal }
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
      remove
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
          button.tabIndex = mine || !held?.verdict && !index ? 0 : -1;
        });
      }
    };
  }
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
    held = void 0;
    desk.changed();
    refresh();
    desk.takeKeys();
  }
  function judge(verdict) {
    const range = selected() ?? sentences[at];
    const claim = held ?? (range ? mark(range) : void 0);
    if (!claim) return;
    claim.verdict = verdict;
    desk.changed();
    refresh();
    desk.tell(`${words(claim)}: ${VERDICTS2[verdict] ?? verdict}`);
    desk.takeKeys();
  }
  function selected() {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !selection.rangeCount) return void 0;
    const range = selection.getRangeAt(0);
    if (!passage.contains(range.startContainer) || !passage.contains(range.endContainer)) return void 0;
    const before = (node, offset) => {
      const until = document.createRange();
      until.setStart(passage, 0);
      until.setEnd(node, offset);
      return until.toString().length;
    };
    const [start, end] = [before(range.startContainer, range.startOffset), before(range.endContainer, range.endOffset)];
    const stretch = text.slice(start, end);
    const trimmed = stretch.trim();
    if (!trimmed) return void 0;
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
    { signal }
  );
  function refreshText() {
    const cuts = /* @__PURE__ */ new Set([0, text.length]);
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
        button.append(make("span", "note", lacking || (VERDICTS2[claim.verdict] ?? claim.verdict)));
        button.dataset["verdict"] = claim.verdict || "open";
        set(button, "aria-pressed", String(isHeld(claim)));
        button.addEventListener(
          "click",
          () => {
            held = claim;
            refresh();
          },
          { signal }
        );
        return make("li", "", button);
      })
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
  function lacks(claim) {
    if (!claim.verdict) return "no verdict yet";
    if (claim.source_url && !/^https?:\/\/\S+$/.test(claim.source_url)) return "the source is no http(s) address";
    if (needSource.includes(claim.verdict) && !claim.source_url && !claim.quote) return "needs a source or a quote";
    return "";
  }
  function value() {
    const offsets = offsetsOf(text);
    return {
      claims: claims.map((claim) => ({
        start: offsets.toPoints(claim.start),
        end: offsets.toPoints(claim.end),
        verdict: claim.verdict,
        ...claim.source_url ? { source_url: claim.source_url } : {},
        ...claim.quote ? { quote: claim.quote } : {}
      }))
    };
  }
  return {
    element,
    ask(question, answer, chosen) {
      text = question.responses[0]?.raw ?? "";
      sentences = sentencesOf(text);
      at = 0;
      const offsets = offsetsOf(text);
      claims = (answer?.["claims"] ?? []).map((claim) => ({
        start: offsets.toUnits(claim.start),
        end: offsets.toUnits(claim.end),
        verdict: claim.verdict,
        source_url: claim.source_url ?? "",
        quote: claim.quote ?? ""
      }));
      held = void 0;
      none = chosen && !claims.length;
      passage.scrollTop = 0;
      refresh();
    },
    read() {
      if (!claims.length && !none) return "Mark at least one claim, or say that there is nothing to check.";
      const open = claims.find(lacks);
      return open ? `“${words(open)}” ${lacks(open)}.` : value();
    },
    draft: () => claims.length ? value() : void 0,
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
      const verdict = digit ? verdicts[Number(digit[1]) - 1] : void 0;
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
        if (!held && sentences[at]) mark(
          /** @type {[number, number]} */
          sentences[at]
        );
        refresh();
        (action === "source" ? editor.url : editor.quote).focus();
      } else return false;
      return true;
    },
    said(answer, question) {
      const points = [...question?.responses[0]?.raw ?? ""];
      const parts = answer["claims"].map((claim) => {
        const full = points.slice(claim.start, claim.end).join("");
        return `“${full.slice(0, LONGEST_SHOWN)}”: ${VERDICTS2[claim.verdict] ?? claim.verdict}`;
      });
      return parts.length ? parts.join("; ") : "Nothing to check";
    }
  };
}

// annotate/controls/classification.js
function createClassification(desk) {
  const classes = desk.settings.form["classes"];
  const several = Boolean(desk.settings.form["several"]);
  let chosen = /* @__PURE__ */ new Set();
  const buttons = classes.map((one, index) => {
    const button = makeButton("class", make("span", "class-name", one.name));
    if (one.means) button.append(make("span", "note", one.means));
    button.append(desk.kbds(`option_${index + 1}`));
    button.addEventListener(
      "click",
      () => {
        choose(one.name);
        desk.takeKeys();
      },
      { signal: desk.signal }
    );
    return button;
  });
  const element = make("div", "classes", ...buttons);
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", several ? "Classes that fit, one or more" : "The class that fits");
  function choose(name) {
    if (!several) chosen = /* @__PURE__ */ new Set([name]);
    else if (!chosen.delete(name)) chosen.add(name);
    desk.changed();
    if (desk.immediate) {
      desk.save();
      return;
    }
    desk.tell(`${name}${chosen.has(name) ? "" : " taken back"}`);
    refresh();
  }
  function refresh() {
    buttons.forEach((button, index) => set(button, "aria-pressed", String(chosen.has(classes[index]?.name ?? ""))));
  }
  const value = () => ({ classes: classes.map((one) => one.name).filter((name) => chosen.has(name)) });
  return {
    element,
    ask(_question, answer) {
      const known = new Set(classes.map((one) => one.name));
      chosen = new Set(
        /** @type {string[]} */
        (answer?.["classes"] ?? []).filter((name) => known.has(name))
      );
      refresh();
    },
    read: () => chosen.size ? value() : several ? "Choose one class or more." : "Choose a class.",
    draft: () => chosen.size ? value() : void 0,
    act(action) {
      const digit = /^option_(\d+)$/.exec(action);
      const one = digit ? classes[Number(digit[1]) - 1] : void 0;
      if (one) choose(one.name);
      return Boolean(one);
    },
    said: (answer) => answer["classes"].join(", "),
    tally: (answers) => classes.map(({ name }) => [name, answers.filter((one) => one["classes"].includes(name)).length])
  };
}

// annotate/controls/likert.js
function createLikert(desk) {
  const dimensions = desk.settings.form["dimensions"];
  const rows = dimensions.map(({ name, steps }) => ({
    name,
    title: name,
    options: steps.map((text, index) => ({ value: index + 1, text: `${index + 1} ${text}`, action: `option_${index + 1}` }))
  }));
  const table = createRows(desk, "Your ratings");
  return {
    element: table.element,
    ask: (_question, answer) => table.show(rows, Object.entries(answer?.["ratings"] ?? {})),
    read: () => table.missing().length ? `Not rated yet: ${table.missing().join(", ")}.` : { ratings: Object.fromEntries(table.values()) },
    draft: () => table.values().size ? { ratings: Object.fromEntries(table.values()) } : void 0,
    act: (action) => table.act(action),
    said(answer) {
      return dimensions.map(({ name, steps }) => {
        const rating = answer["ratings"][name];
        return rating ? `${name}: ${rating} ${steps[rating - 1] ?? ""}` : "";
      }).filter(Boolean).join("; ");
    }
  };
}

// annotate/controls/pairwise.js
var SAID = { A: "Left is better", B: "Right is better", tie: "Tie", both_bad: "Both bad" };
var SHORT = { A: "Left", B: "Right", tie: "Tie", both_bad: "Both bad" };
var CHOICES = { left: "A", tie: "tie", both_bad: "both_bad", right: "B" };
var HOW_MUCH = ["", "slightly", "clearly", "far"];
var OVERALL = "";
function strengthSaid(strength) {
  if (!strength) return "Tie";
  return `${strength < 0 ? "Left" : "Right"} ${HOW_MUCH[Math.abs(strength)] ?? ""} better`;
}
function said(answer) {
  const { choice, strength, criteria } = answer;
  const overall2 = strength ? strengthSaid(strength) : SAID[
    /** @type {Choice} */
    choice
  ];
  const each = Object.entries(criteria ?? {}).map(([name, one]) => `${name}: ${SHORT[
    /** @type {Choice} */
    one
  ]}`);
  return [overall2, ...each].join("; ");
}
function tally(answers) {
  return Object.values(CHOICES).map((choice) => (
    /** @type {[string, number]} */
    [SAID[choice], answers.filter((one) => one["choice"] === choice).length]
  )).filter(([, n], index) => n || index !== 2);
}
function createPairwise(desk) {
  const { form } = desk.settings;
  return form["criteria"].length ? byCriteria(desk) : overall(desk);
}
function overall(desk) {
  const { form } = desk.settings;
  let value;
  const buttons = [];
  function choose(chosen) {
    value = chosen;
    desk.changed();
    if (desk.immediate) desk.save();
    else refresh();
  }
  function refresh() {
    for (const [button, its] of buttons) {
      set(button, "aria-pressed", String(its.choice === value?.choice && its.strength === value?.strength));
    }
  }
  const element = make("div", "choices");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", "Your judgment");
  if (form["strength"]) {
    const [lowest, highest] = form["strength"];
    for (let strength = lowest; strength <= highest; strength += 1) {
      const choice = strength < 0 ? "A" : strength > 0 ? "B" : "tie";
      const action = `option_${strength - lowest + 1}`;
      const button = makeButton("choice", make("span", "", strengthSaid(strength)), desk.kbds(action));
      button.addEventListener("click", () => desk.takeKeys(), { signal: desk.signal });
      button.addEventListener("click", () => choose({ choice, strength }), { signal: desk.signal });
      buttons.push([button, { choice, strength }]);
    }
  } else {
    for (const action of ["left", "tie", "right"]) {
      const choice = CHOICES[action] ?? "tie";
      buttons.push([desk.button(action, SAID[choice], "choice"), { choice }]);
    }
  }
  if (form["choices"].includes("both_bad")) {
    buttons.splice(Math.ceil(buttons.length / 2), 0, [desk.button("both_bad", SAID.both_bad, "choice"), { choice: "both_bad" }]);
  }
  element.dataset["n"] = String(buttons.length);
  element.append(...buttons.map(([button]) => button));
  return {
    element,
    ask(_question, answer) {
      value = answer && { choice: answer["choice"], ..."strength" in answer ? { strength: answer["strength"] } : {} };
      if (value && form["strength"] && value.choice === "tie") value.strength = 0;
      refresh();
    },
    read: () => value ?? "Choose which response is better.",
    draft: () => value,
    act(action) {
      const choice = CHOICES[action];
      if (choice && form["choices"].includes(choice)) {
        choose(form["strength"] && choice === "tie" ? { choice, strength: 0 } : { choice });
        return true;
      }
      const digit = /^option_(\d+)$/.exec(action);
      if (!digit || !form["strength"]) return false;
      const strength = form["strength"][0] + Number(digit[1]) - 1;
      choose({ choice: strength < 0 ? "A" : strength > 0 ? "B" : "tie", strength });
      return true;
    },
    said,
    tally
  };
}
function byCriteria(desk) {
  const { form } = desk.settings;
  const options = Object.entries(CHOICES).filter(([, choice]) => form["choices"].includes(choice)).map(([action, choice]) => ({ value: choice, text: SHORT[choice], action }));
  const strengths = [];
  if (form["strength"]) {
    const [lowest, highest] = form["strength"];
    for (let strength = lowest; strength <= highest; strength += 1) {
      strengths.push({ value: strength, text: strengthSaid(strength), action: `option_${strength - lowest + 1}` });
    }
  }
  const last = options.filter((one) => !strengths.length || one.value === "both_bad");
  const rows = [
    ...form["criteria"].map((one) => ({
      name: one.name,
      title: one.name,
      means: one.means,
      options
    })),
    { name: OVERALL, title: "Overall", options: [...strengths, ...last] }
  ];
  const table = createRows(desk, "Your judgment");
  function value() {
    const given = new Map(table.values());
    const overallValue = given.get(OVERALL);
    given.delete(OVERALL);
    const criteria = Object.fromEntries(given);
    if (typeof overallValue !== "number") return { choice: overallValue, criteria };
    return { choice: overallValue < 0 ? "A" : overallValue > 0 ? "B" : "tie", strength: overallValue, criteria };
  }
  return {
    element: table.element,
    ask(_question, answer) {
      const given = Object.entries(answer?.["criteria"] ?? {});
      const chosen = answer?.["strength"] ?? (strengths.length && answer?.["choice"] === "tie" ? 0 : answer?.["choice"]);
      if (chosen !== void 0) given.push([OVERALL, chosen]);
      table.show(rows, given);
    },
    read: () => table.missing().length ? `Not answered yet: ${table.missing().join(", ")}.` : value(),
    draft: () => table.values().size ? value() : void 0,
    act: (action) => table.act(action),
    said,
    tally
  };
}

// annotate/controls/ranking.js
function ranksOf(tiers) {
  const ranks = {};
  tiers.forEach((tier, index) => tier.forEach((letter) => ranks[letter] = index + 1));
  return { ranks };
}
function tiersOf(ranks) {
  const levels = [...new Set(Object.values(ranks))].sort((one, other) => one - other);
  return levels.map((level) => Object.keys(ranks).filter((letter) => ranks[letter] === level).sort());
}
function moved(tiers, letter, place, level) {
  const next = tiers.map((tier) => tier.filter((one) => one !== letter));
  const target = next[place];
  if (level && target) target.push(letter);
  else next.splice(place, 0, [letter]);
  return next.map((tier) => [...tier].sort()).filter((tier) => tier.length);
}
function createRanking(desk) {
  const { signal } = desk;
  let letters = [];
  let tiers = [];
  let held;
  let drag;
  const list = make("ol", "tiers");
  list.setAttribute("aria-label", "Your ranking, best first");
  const tray = make("div", "tray");
  tray.setAttribute("role", "group");
  tray.setAttribute("aria-label", "Not ranked yet");
  const hint = make("p", "note", "Press the numbers from best to worst, ", desk.kbds("equal"), " for a tie. Or drag.");
  const element = make("div", "ranking", hint, tray, list);
  const nameOf = (letter) => `Response ${letters.indexOf(letter) + 1}`;
  const left = () => letters.filter((letter) => !tiers.some((tier) => tier.includes(letter)));
  const tierOf = (letter) => tiers.findIndex((tier) => tier.includes(letter));
  function arrange(next, letter) {
    tiers = next;
    held = letter;
    desk.changed();
    refresh();
    const at = tierOf(letter);
    const level = (tiers[at]?.length ?? 0) > 1 ? ", level with others" : "";
    desk.tell(at < 0 ? `${nameOf(letter)} is not ranked` : `${nameOf(letter)} is rank ${at + 1}${level}`);
  }
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
      { signal }
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
      })
    );
  }
  function tools(letter, at, level) {
    const tool = (action, text) => {
      const made2 = makeButton("tool", make("span", "", text), desk.kbds(action));
      made2.setAttribute("aria-label", `${text}: ${nameOf(letter)}`);
      made2.addEventListener(
        "click",
        () => {
          act(action);
          desk.takeKeys();
        },
        { signal }
      );
      return made2;
    };
    const made = make("span", "tier-tools", tool("raise", "Up"), tool("lower", "Down"));
    if (at > 0 && !level) made.append(tool("equal", "Level"));
    made.append(tool("take_back", "Take out"));
    return made;
  }
  function grab(event, letter) {
    if (event.button !== 0) return;
    drag = { letter, pointer: event.pointerId, x: event.clientX, y: event.clientY, moving: false };
  }
  function placeAt(y) {
    const rows = (
      /** @type {HTMLElement[]} */
      [...list.querySelectorAll(".wb-tier")]
    );
    for (const [index, row] of rows.entries()) {
      const box = row.getBoundingClientRect();
      if (y < box.top + box.height * 0.25) return { place: index, level: false };
      if (y < box.bottom - box.height * 0.25) return { place: index, level: true };
    }
    return { place: rows.length, level: false };
  }
  function follow(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    if (!drag.moving && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 6) return;
    if (!drag.moving) element.setPointerCapture(event.pointerId);
    drag.moving = true;
    event.preventDefault();
    element.dataset["dragging"] = drag.letter;
    const { place, level } = placeAt(event.clientY);
    for (const row of list.querySelectorAll(".wb-tier")) {
      const here = Number(
        /** @type {HTMLElement} */
        row.dataset["place"]
      );
      row.classList.toggle("wb-onto", level && here === place);
      row.classList.toggle("wb-before", !level && here === place);
    }
    list.classList.toggle("wb-below", !level && place === tiers.length);
  }
  function drop(event) {
    if (!drag || event.pointerId !== drag.pointer) return;
    const { letter, moving } = drag;
    drag = void 0;
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
  function act(action) {
    const digit = /^option_(\d+)$/.exec(action);
    if (digit) {
      const letter2 = letters[Number(digit[1]) - 1];
      if (!letter2) return true;
      if (tierOf(letter2) < 0) arrange([...tiers, [letter2]], letter2);
      else {
        held = letter2;
        refresh();
        desk.tell(`${nameOf(letter2)} is rank ${tierOf(letter2) + 1}`);
      }
      return true;
    }
    const ranked = tiers.flat();
    if (action === "row_down" || action === "row_up") {
      const at2 = held ? ranked.indexOf(held) : -1;
      const next = ranked[Math.min(Math.max(at2 + (action === "row_down" ? 1 : -1), 0), ranked.length - 1)];
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
      held = void 0;
      refresh();
    },
    read() {
      const missing = left();
      return missing.length ? `Not ranked yet: ${missing.map(nameOf).join(", ")}.` : ranksOf(tiers);
    },
    draft: () => tiers.length ? ranksOf(tiers) : void 0,
    act,
    said(answer) {
      const named = (letter) => `Response ${letter.charCodeAt(0) - 64}`;
      return tiersOf(answer["ranks"]).map((tier) => tier.map(named).join(" = ")).join(" > ");
    }
  };
}

// annotate/drafts.js
var WRITE_MS = 300;
function createDrafts(prefix, guideline) {
  const drafts = /* @__PURE__ */ new Map();
  const unwritten = /* @__PURE__ */ new Set();
  let timer = 0;
  withStorage(() => {
    for (const name of Object.keys(localStorage)) {
      if (!name.startsWith(prefix)) continue;
      const draft = parsed2(localStorage.getItem(name));
      if (draft) drafts.set(name.slice(prefix.length), draft);
    }
  });
  function flush() {
    clearTimeout(timer);
    timer = 0;
    withStorage(() => {
      for (const key of unwritten) {
        const draft = drafts.get(key);
        if (draft) localStorage.setItem(prefix + key, JSON.stringify(draft));
        else localStorage.removeItem(prefix + key);
      }
    });
    unwritten.clear();
  }
  function later(key) {
    unwritten.add(key);
    if (!timer) timer = setTimeout(flush, WRITE_MS);
  }
  return {
    /** @param {string} key */
    get: (key) => drafts.get(key),
    /** Keep a draft, with the guideline it was begun under; an empty one is forgotten. @param {string} key @param {Draft} draft */
    put(key, draft) {
      const empty = draft.answer === void 0 && !draft.reason && !draft.comment && !draft.clauses.length && !draft.flags.length;
      if (empty && !drafts.has(key)) return;
      if (empty) drafts.delete(key);
      else {
        const before = drafts.get(key);
        drafts.set(key, { ...draft, guideline: before ? before.guideline : guideline });
      }
      later(key);
    },
    /** @param {string} key */
    drop(key) {
      if (drafts.delete(key)) later(key);
    },
    flush
  };
}
function parsed2(text) {
  try {
    const draft = JSON.parse(text ?? "null");
    const usable = typeof draft?.reason === "string" && typeof draft.comment === "string" && Array.isArray(draft.clauses) && Array.isArray(draft.flags);
    return usable ? (
      /** @type {Draft} */
      draft
    ) : void 0;
  } catch {
    return void 0;
  }
}

// annotate/frame.js
function createFrame(settings, button, kbds2) {
  const root = make("div", "annotate");
  root.tabIndex = 0;
  root.dataset["lmSuppressShortcuts"] = "true";
  root.dataset["task"] = settings.task;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", `Labelling batch ${settings.batch} of pilot ${settings.pilot}`);
  const place = make("strong", "place");
  const bar = make("progress", "bar");
  bar.setAttribute("aria-label", "answered");
  const pace = make("span", "pace");
  const status = make("span", "status");
  status.setAttribute("role", "status");
  const alarm = make("div", "alarm");
  alarm.setAttribute("role", "alert");
  const discard = makeButton("discard");
  discard.hidden = true;
  const spoken2 = make("div", "spoken");
  spoken2.setAttribute("aria-live", "polite");
  const notice = make("div", "notice");
  notice.setAttribute("role", "status");
  const panel = make("div", "panel-place");
  const card = make("div", "card");
  const ask = make("p", "ask", settings.title);
  const controlPlace = make("div", "control");
  const missing = make("p", "missing");
  missing.setAttribute("role", "alert");
  function writing(name, text, action, hint2) {
    const box = make("textarea", name);
    box.rows = 1;
    box.maxLength = 2e4;
    box.placeholder = hint2;
    const label = make("label", "why", make("span", "", text, kbds2(action)), box);
    return { box, label };
  }
  const reason = writing("reason", "Why? ", "reason", settings.ask_reason ? "needed; Esc returns to the keys" : "optional; Esc returns to the keys");
  const comment = writing("comment", "Note ", "comment", "to whoever runs this pilot: what is odd about the item");
  const citing = make("p", "citing");
  const flagged = make("p", "citing");
  const tools = {
    save: button("save", "Save", "save"),
    undo: button("undo", "Undo"),
    later: button("later", "Later"),
    skip: button("skip", "Skip"),
    flag: button("flag", "Flag"),
    comment: button("comment", "Note"),
    raw: button("raw", settings.task === "factual_accuracy" ? "Formatted" : "As written"),
    difference: button("difference", "Differences"),
    in_step: button("in_step", "In step"),
    guideline: button("guideline", "Guideline"),
    overview: button("overview", "All items"),
    keys: button("keys", "Keys")
  };
  const hint = make("span", "hint", "Click here, or Tab to this frame, to answer with the keyboard");
  const { save, undo, later, skip, flag, comment: note, ...views } = tools;
  const toolbar = make("div", "tools", save, undo, later, skip, flag, note, make("div", "views", ...Object.values(views)));
  const work = make("div", "work", card, ask, controlPlace, missing, reason.label, comment.label, citing, flagged, toolbar, hint);
  const body = make("div", "body", work);
  root.append(make("div", "top", place, bar, pace, status), alarm, discard, notice, spoken2, panel, body);
  return {
    root,
    body,
    place,
    bar,
    pace,
    status,
    alarm,
    discard,
    spoken: spoken2,
    notice,
    panel,
    card,
    ask,
    controlPlace,
    missing,
    reason: reason.box,
    reasonLabel: reason.label,
    comment: comment.box,
    commentLabel: comment.label,
    citing,
    flagged,
    tools
  };
}

// annotate/keys.js
function createKeys(original, task) {
  const storage = `workbench:keys:${task}`;
  const keys = {};
  const actions = /* @__PURE__ */ new Map();
  const printed = /* @__PURE__ */ new Set();
  function take() {
    let own = {};
    withStorage(() => own = JSON.parse(localStorage.getItem(storage) ?? "{}"));
    for (const [action, names] of Object.entries(original)) {
      const mine = own?.[action];
      keys[action] = typeof mine === "string" && mine ? [mine] : [...names];
    }
    actions.clear();
    for (const [action, names] of Object.entries(keys)) for (const name of names) actions.set(name.toLowerCase(), action);
  }
  take();
  function print(place) {
    const most = Number(place.dataset["most"]) || void 0;
    place.replaceChildren(...kbds((keys[place.dataset["keys"] ?? ""] ?? []).slice(0, most)));
  }
  function reprint() {
    for (const one of printed) {
      const place = one.deref();
      if (place?.isConnected) print(place);
      else if (!place) printed.delete(one);
    }
  }
  return {
    keys,
    /** @param {string} key */
    actionOf: (key) => actions.get(key.toLowerCase()),
    /** @param {string} action */
    of: (action) => keys[action] ?? [],
    /** An action's keys as printed on a button, for as long as it is on the page. @param {string} action @param {number} [most] */
    kbds(action, most) {
      const place = make("span", "kbds");
      place.dataset["keys"] = action;
      if (most) place.dataset["most"] = String(most);
      print(place);
      printed.add(new WeakRef(place));
      return place;
    },
    /** Give an action another key; says why not, or nothing where it was done. @param {string} action @param {string} key */
    change(action, key) {
      const owner = actions.get(key.toLowerCase());
      if (owner && owner !== action) return `${keyName(key)} is taken already.`;
      withStorage(() => {
        const own = JSON.parse(localStorage.getItem(storage) ?? "{}");
        localStorage.setItem(storage, JSON.stringify({ ...own, [action]: key }));
      });
      take();
      if (keys[action]?.[0] !== key) return "This browser does not keep changes here.";
      reprint();
      return "";
    },
    reset() {
      withStorage(() => localStorage.removeItem(storage));
      take();
      reprint();
    }
  };
}

// annotate/pace.js
var OVER = 20;
var PAUSE_MS = 5 * 60 * 1e3;
function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
function spoken(seconds) {
  if (seconds < 90) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
function createPace(breakAfterMin) {
  const durations = [];
  let since = 0;
  let last = 0;
  return {
    /** @param {number} seconds how long the answer took */
    answered(seconds) {
      durations.push(seconds);
      if (durations.length > OVER) durations.shift();
      const now = Date.now();
      if (!since || now - last > PAUSE_MS) since = now - seconds * 1e3;
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
      const minutes = since && Date.now() - last < PAUSE_MS ? (Date.now() - since) / 6e4 : 0;
      return breakAfterMin && minutes >= breakAfterMin ? Math.max(1, Math.round(minutes)) : 0;
    },
    /** A break has been suggested; the next one after as long again. */
    carryOn() {
      since = Date.now();
    }
  };
}

// annotate/panels.js
function panelElement(name, title, ...children) {
  const heading = make("h2", "", title);
  heading.id = freshId("panel");
  const element = make("section", `panel wb-panel-${name}`, heading, ...children);
  element.setAttribute("aria-labelledby", heading.id);
  return element;
}
function byDigit(buttons) {
  return (event) => {
    if (event.target instanceof HTMLInputElement) return false;
    const button = /^[1-9]$/.test(event.key) ? buttons[Number(event.key) - 1] : void 0;
    button?.click();
    return Boolean(button);
  };
}
function skipPanel(reasons, done) {
  const buttons = reasons.map((reason, index) => {
    const button = makeButton("option", make("span", "", reason), ...kbds([String(index + 1)]));
    button.addEventListener("click", () => done(reason));
    return button;
  });
  const other = make("input", "other");
  other.maxLength = 2e3;
  other.placeholder = "Another reason, then Enter";
  other.setAttribute("aria-label", "Another reason");
  other.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !other.value.trim()) return;
    event.preventDefault();
    event.stopPropagation();
    done(other.value.trim());
  });
  const choices = make("div", "options", ...buttons);
  return {
    element: panelElement("skip", "Why do you skip this item?", choices, other),
    press: byDigit(buttons),
    first: buttons[0] ?? other
  };
}
function flagPanel(flags, chosen, changed) {
  const buttons = flags.map((flag, index) => {
    const button = makeButton("option", make("span", "", flag), ...kbds([String(index + 1)]));
    set(button, "aria-pressed", String(chosen.has(flag)));
    button.addEventListener("click", () => {
      if (!chosen.delete(flag)) chosen.add(flag);
      set(button, "aria-pressed", String(chosen.has(flag)));
      changed();
    });
    return button;
  });
  const note = make("p", "note", "A flag goes with your answer. Esc closes this.");
  return {
    element: panelElement("flags", "Flag this item as", make("div", "options", ...buttons), note),
    press: byDigit(buttons),
    ...buttons[0] ? { first: buttons[0] } : {}
  };
}
function overviewPanel(places, go, nMore) {
  const marks = { answered: "✓", skipped: "–", open: "" };
  const said2 = { answered: "answered", skipped: "skipped", open: "not answered yet" };
  const buttons = places.map(({ key, state, current }, index) => {
    const button = makeButton("place-button", `${index + 1}${marks[state]}`);
    button.dataset["state"] = state;
    button.setAttribute("aria-label", `Item ${index + 1}, ${said2[state]}`);
    if (current) button.setAttribute("aria-current", "true");
    button.tabIndex = current ? 0 : -1;
    button.addEventListener("click", () => go(key));
    return button;
  });
  const first = buttons.find((button) => button.tabIndex === 0) ?? buttons[0];
  if (first) first.tabIndex = 0;
  const grid = make("div", "places", ...buttons);
  const count = (state) => places.filter((one) => one.state === state).length;
  const open = nMore === void 0 ? `${count("open")} open` : `${count("open")} here, ${nMore} more to come`;
  const note = `${count("answered")} answered, ${count("skipped")} skipped, ${open}. Arrow keys and Enter.`;
  return {
    element: panelElement("overview", "All items", make("p", "note", note), grid),
    press(event) {
      const at = buttons.findIndex((button) => button === document.activeElement);
      if (at < 0 || !/^Arrow/.test(event.key)) return false;
      const across = Math.max(1, buttons.filter((one) => one.offsetTop === buttons[0]?.offsetTop).length);
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key] ?? 0;
      const next = buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)];
      buttons.forEach((button) => button.tabIndex = button === next ? 0 : -1);
      next?.focus();
      return true;
    },
    ...first ? { first } : {}
  };
}
function keysPanel(keys, change, reset) {
  let waiting;
  const note = make("p", "note", "Press Change, then the new key. Changes stay in this browser.");
  note.setAttribute("role", "status");
  const list = make("dl", "keys");
  function show() {
    list.replaceChildren(
      ...Object.entries(keys).flatMap(([action, names]) => {
        const button = makeButton("tool", waiting === action ? "Press a key…" : "Change");
        button.setAttribute("aria-label", `Change the key for: ${actionName(action)}`);
        button.addEventListener("click", () => {
          waiting = action;
          show();
          list.querySelector(`[data-action="${action}"]`)?.querySelector("button")?.focus();
        });
        const value = make("dd", "", ...kbds(names), button);
        value.dataset["action"] = action;
        return [make("dt", "", actionName(action)), value];
      })
    );
  }
  const resetButton = makeButton("tool", "Back to the original keys");
  resetButton.addEventListener("click", () => {
    reset();
    show();
  });
  show();
  return {
    element: panelElement("keys", "Keys", note, list, resetButton),
    press(event) {
      if (!waiting || ["Shift", "Tab", "Escape"].includes(event.key)) return false;
      const action = waiting;
      waiting = void 0;
      const problem = change(action, event.key);
      note.textContent = problem || `${actionName(action)}: ${keyName(event.key)}`;
      show();
      list.querySelector(`[data-action="${action}"]`)?.querySelector("button")?.focus();
      return true;
    }
  };
}
var ACTIONS = {
  left: "Left is better",
  right: "Right is better",
  tie: "Tie",
  both_bad: "Both bad",
  save: "Save and go on",
  undo: "Back to the last answer",
  later: "Put off to the end",
  skip: "Skip, with a reason",
  unanswered: "Next without an answer",
  overview: "All items",
  flag: "Flag the item",
  reason: "Write why",
  comment: "Write a note on the item",
  clauses: "Go to the clauses",
  search: "Find a rule",
  guideline: "Show or hide the guideline",
  raw: "Text as written",
  difference: "Mark the differences",
  in_step: "Scroll in step",
  keys: "Keys",
  down: "Scroll down",
  up: "Scroll up",
  row_down: "Next line",
  row_up: "Previous line",
  equal: "Level with the one before",
  raise: "Up a rank",
  lower: "Down a rank",
  take_back: "Take out of the ranking",
  message: "Write to the model",
  yes: "Followed",
  no: "Not followed",
  not_applicable: "Does not apply",
  mark: "Mark the sentence, or unmark it",
  no_claims: "Nothing to check",
  source: "Write the source",
  quote: "Write what it says there"
};
function actionName(action) {
  return ACTIONS[action] ?? `Choice ${action.replace("option_", "")}`;
}

// annotate/reveal.js
var plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
function revealPanel(ack, question, control, aside, saveKeys, goOn) {
  const { feedback, checks, given, stands } = ack;
  const parts = [];
  let title = "What the machine checks found";
  if (feedback && given) {
    title = feedback.right ? "✓ Right" : "✗ Not right";
    parts.push(make("p", "", make("b", "", "Your answer: "), control.said(given.answer, question)));
    if (!feedback.right) {
      parts.push(make("p", "", make("b", "", "Right answer: "), control.said(feedback.answer, question)));
    }
    if (feedback.explanation) parts.push(make("p", "why-text", feedback.explanation));
    if (feedback.clause) {
      const clause = make("blockquote", "text", aside.textOf(feedback.clause));
      parts.push(make("p", "", make("b", "", `${feedback.clause}. ${aside.titleOf(feedback.clause)}`)), clause);
      aside.open(feedback.clause);
    }
  }
  if (checks && Object.keys(checks).length) {
    const rows = (question?.checks ?? []).filter((one) => checks[one.name]).map((one) => {
      const mine = String(given?.answer["checks"]?.[one.name] ?? "");
      const its = checks[one.name];
      const row = make("tr", "", make("th", "", one.text), make("td", "", VERDICTS[mine] ?? mine));
      row.firstElementChild?.setAttribute("scope", "row");
      row.append(make("td", "", `${VERDICTS[its?.verdict ?? ""] ?? ""}${its?.found ? ` (${its.found})` : ""}`));
      row.dataset["same"] = String(mine === its?.verdict);
      return row;
    });
    const head = make("tr", "", make("th", "", "Instruction"), make("th", "", "You"), make("th", "", "Machine"));
    parts.push(make("table", "checks", make("thead", "", head), make("tbody", "", ...rows)));
    if (!feedback) parts.push(make("p", "note", "Machines can be wrong too. Undo changes your answer."));
  }
  if (stands) parts.push(make("p", "note", standsSaid(stands)));
  const button = makeButton("choice", make("span", "", "Go on"), ...kbds(saveKeys));
  button.addEventListener("click", goOn);
  const element = panelElement("reveal", title, ...parts, button);
  if (feedback) element.dataset["right"] = String(feedback.right);
  element.setAttribute("role", "alertdialog");
  element.setAttribute("aria-modal", "false");
  return { element, first: button, stays: true, press: goOnKeys(saveKeys, goOn) };
}
function standsSaid(stands) {
  const answered = stands.n_correct + stands.n_mistakes;
  return `Practice: ${answered} of ${stands.n} answered, ${stands.n_correct} right. To pass: at least ${stands.min_correct} right and at most ${plural(stands.max_mistakes, "mistake")}.`;
}
function outcomePanel(stands, saveKeys, goOn) {
  const { state, n_correct: right, n_mistakes: wrong } = stands;
  const score = `${right} right, ${plural(wrong, "mistake")}.`;
  const left = stands.attempts - stands.attempt;
  const button = makeButton("choice", make("span", "", state === "passed" ? "Start labelling" : "Try again"), ...kbds(saveKeys));
  button.addEventListener("click", goOn);
  if (state === "passed") {
    const words2 = `${score} From now on your answers count, and no answer is shown.`;
    return {
      element: panelElement("reveal", "✓ Practice passed", make("p", "", words2), button),
      first: button,
      stays: true,
      press: goOnKeys(saveKeys, goOn)
    };
  }
  const rule = `${score} Needed: at least ${stands.min_correct} right and at most ${plural(stands.max_mistakes, "mistake")}.`;
  if (state === "failed") {
    const words2 = `${rule} Read the clauses again; you can try ${left === 1 ? "once more" : `${left} more times`}.`;
    return {
      element: panelElement("reveal", "Not passed yet", make("p", "", words2), button),
      first: button,
      stays: true,
      press: goOnKeys(saveKeys, goOn)
    };
  }
  const words = `${rule} There are no more attempts. Please talk to whoever invited you.`;
  return { element: panelElement("reveal", "Not passed", make("p", "", words)), stays: true };
}
function goOnKeys(keys, goOn) {
  return (event) => {
    if (event.repeat || !(keys.includes(event.key) || event.key === " ")) return false;
    goOn();
    return true;
  };
}

// annotate/session.js
function createSession(outbox) {
  const questions = /* @__PURE__ */ new Map();
  const saved = /* @__PURE__ */ new Map();
  const skipped = /* @__PURE__ */ new Map();
  const turns = /* @__PURE__ */ new Map();
  let known = /* @__PURE__ */ new Set();
  const session = {
    /** @type {"practice" | "live"} */
    phase: "live",
    /** All questions, in the order they are asked; `later` changes it. @type {string[]} */
    queue: [],
    /** What was answered or passed over, in the order it was done. @type {string[]} */
    done: [],
    nLeft: 0,
    trouble: "",
    /** @type {Stands | undefined} */
    stands: void 0,
    questions,
    saved,
    skipped,
    turns,
    /** Take over what Python says. @param {State} state */
    take(state) {
      if (state.phase !== session.phase || state.stands && state.stands.attempt !== session.stands?.attempt) {
        session.queue = [];
        session.done = [];
        saved.clear();
        skipped.clear();
      }
      session.phase = state.phase;
      session.stands = state.stands;
      session.nLeft = state.n_left;
      session.trouble = state.trouble ?? "";
      known = new Set(state.queue);
      const there = new Set(session.queue);
      session.queue = [...session.queue.filter((key) => known.has(key)), ...state.queue.filter((key) => !there.has(key))];
      session.learn(state.questions);
      for (const [key, given] of Object.entries(state.given)) saved.set(key, given);
      for (const [key, why] of Object.entries(state.skipped)) if (!saved.has(key)) skipped.set(key, why);
      for (const [key, said2] of Object.entries(state.turns)) turns.set(key, said2);
      const was = new Set(session.done);
      session.done.push(...session.queue.filter((key) => !was.has(key) && session.isDone(key)));
    },
    /** @param {Question[]} fresh */
    learn(fresh) {
      for (const one of fresh) questions.set(one.key, one);
    },
    /** @param {string} key */
    has: (key) => known.has(key),
    /** The newest answer to a question, saved or not. @param {string} key @returns {Given | undefined} */
    given(key) {
      const entry = outbox.latest(key);
      return entry?.type === "answer" ? entry : saved.get(key);
    },
    /** Why a question was passed over, if it was. @param {string} key */
    whySkipped(key) {
      const entry = outbox.latest(key);
      if (entry) return entry.type === "skip" ? entry.reason : void 0;
      return saved.has(key) ? void 0 : skipped.get(key);
    },
    /** @param {string} key */
    isDone: (key) => session.given(key) !== void 0 || session.whySkipped(key) !== void 0,
    /** Questions that wait for an answer, in order. */
    open: () => session.queue.filter((key) => !session.isDone(key)),
    /** How many are answered or passed over. */
    nDone: () => session.queue.reduce((n, key) => n + Number(session.isDone(key)), 0),
    /** The next question without an answer after this one, those passed over included. @param {string} [from] */
    nextUnanswered(from) {
      const empty = session.queue.filter((key) => !session.given(key));
      const at = from ? session.queue.indexOf(from) : -1;
      return empty.find((key) => session.queue.indexOf(key) > at) ?? empty[0];
    },
    /** @param {string} key */
    markDone(key) {
      session.done = [...session.done.filter((one) => one !== key), key];
    },
    /** @param {string} key */
    putOff(key) {
      session.queue = [...session.queue.filter((one) => one !== key), key];
    },
    /** A question that went to somebody else. @param {string} key */
    drop(key) {
      known.delete(key);
      session.queue = session.queue.filter((one) => one !== key);
      session.done = session.done.filter((one) => one !== key);
      saved.delete(key);
      skipped.delete(key);
    },
    /** Questions whose texts are not here yet, the next ones to be asked first. @param {number} most */
    missing(most) {
      const waiting = session.queue.filter((key) => !questions.has(key));
      const first = waiting.filter((key) => !session.isDone(key));
      return [...first, ...waiting.filter((key) => session.isDone(key))].slice(0, most);
    }
  };
  return session;
}

// annotate/main.js
var TICK_MS = 500;
var RETRY_MS = 5e3;
var HERE_MS = 6e4;
var AHEAD = 5;
var CHUNK = 50;
var FEW = 3;
var CONTROLS = {
  pairwise: createPairwise,
  ranking: createRanking,
  likert: createLikert,
  classification: createClassification,
  red_team: createAttack,
  instruction_following: createChecklist,
  factual_accuracy: createClaims
};
var BESIDE_FEEDBACK = /* @__PURE__ */ new Set(["raw", "difference", "in_step", "guideline", "clauses", "search", "down", "up"]);
function render({ model, el }) {
  const settings = model.get("settings");
  const stop = new AbortController();
  const { signal } = stop;
  const keys = createKeys(settings.keys, settings.task);
  const outbox = createOutbox(`${settings.storage}:`, ({ at: _at, ...entry }) => post(entry));
  const session = createSession(outbox);
  const pace = createPace(settings.break_after_min);
  const drafts = createDrafts(`${settings.storage}/draft:`, settings.guideline.sha);
  const cards = createCards(settings.task, signal);
  const { form } = settings;
  const single = settings.task === "pairwise" && !form["criteria"].length || settings.task === "classification" && !form["several"];
  const immediate = single && !settings.ask_reason;
  let current;
  let onScreen = null;
  let reviewing = false;
  let awaited;
  let connected = false;
  let cited = /* @__PURE__ */ new Set();
  let flagged = /* @__PURE__ */ new Set();
  let panel;
  let panelAction = "";
  let nAside = 0;
  let begunBefore = false;
  let shownAt = 0;
  let hiddenAt = 0;
  const revealed = /* @__PURE__ */ new Set();
  const asked = { hello: 0, fetch: 0, more: 0, begin: 0, here: Date.now() };
  function post(content) {
    try {
      model.send(content);
    } catch {
    }
  }
  function button(action, text, name = "tool") {
    const made = makeButton(name, make("span", "", text), keys.kbds(action));
    made.setAttribute("aria-keyshortcuts", keys.of(action).join(" "));
    made.addEventListener("click", () => act(action), { signal });
    return made;
  }
  const frame = createFrame(settings, button, keys.kbds);
  const { root, tools } = frame;
  const aside = createAside(settings.guideline, keys.kbds, signal, citeClause);
  frame.body.append(aside.element);
  const control = (
    /** @type {(desk: Desk) => Control} */
    CONTROLS[settings.task]({
      settings,
      signal,
      immediate,
      save,
      changed,
      button,
      kbds: keys.kbds,
      tell: (words) => say(frame.spoken, words),
      post,
      takeKeys
    })
  );
  frame.controlPlace.append(control.element);
  const outer = make("div", "frame", root);
  el.append(outer);
  const open = () => session.open();
  function show(key, again = false) {
    putAway();
    current = key;
    reviewing = again && key !== void 0 && session.isDone(key);
    awaited = void 0;
    shownAt = performance.now();
    hiddenAt = document.hidden ? shownAt : 0;
    warn(frame.missing, "");
    fill();
    refresh();
    if (onScreen !== null && onScreen !== key) requestAnimationFrame(toTop);
    onScreen = key;
    setTimeout(buildAhead);
  }
  function toTop() {
    for (const box of frame.card.querySelectorAll(".wb-scroll")) box.scrollTop = 0;
    if (panel || !root.contains(document.activeElement)) return;
    (frame.card.querySelector("h2") ?? frame.card).scrollIntoView({ block: "nearest" });
  }
  function fill() {
    const question = current ? session.questions.get(current) : void 0;
    if (!current || !question) {
      frame.card.replaceChildren(current ? make("div", "finished", "Loading…") : finished());
      return;
    }
    const draft = drafts.get(current);
    const given = session.given(current);
    const remarks = draft ?? given;
    frame.reason.value = remarks?.reason ?? "";
    frame.comment.value = remarks?.comment ?? "";
    begunBefore = Boolean(draft && draft.guideline !== settings.guideline.sha);
    const clauses = new Set(settings.guideline.clauses.map((clause) => clause.id));
    cited = new Set(remarks?.clauses?.filter((id) => clauses.has(id)));
    flagged = new Set(remarks?.flags?.filter((flag) => settings.flags.includes(flag)));
    const item = cards.of(question);
    if (root.dataset["view"] === "difference") cards.showDifferences(question, item);
    frame.card.replaceChildren(item);
    control.turns?.(current, session.turns.get(current) ?? []);
    control.ask(question, draft?.answer ?? given?.answer, !draft?.answer && Boolean(given));
  }
  function putAway() {
    if (!current || !session.questions.has(current)) return;
    const given = reviewing ? session.given(current) : void 0;
    const draft = {
      answer: control.draft(),
      reason: frame.reason.value,
      comment: frame.comment.value,
      clauses: [...cited],
      flags: [...flagged]
    };
    if (given && JSON.stringify(given.answer) === JSON.stringify(draft.answer)) draft.answer = void 0;
    drafts.put(current, draft);
  }
  function buildAhead() {
    const next = open().slice(0, AHEAD);
    cards.keepOnly(/* @__PURE__ */ new Set([current, ...next, ...session.done.slice(-AHEAD)]));
    for (const key of next) {
      const question = session.questions.get(key);
      if (question) cards.of(question);
    }
    fetchTexts();
    askForMore();
  }
  function fetchTexts() {
    const now = Date.now();
    if (now - asked.fetch < RETRY_MS) return;
    const questions = session.missing(CHUNK);
    if (!questions.length) return;
    asked.fetch = now;
    post({ type: "fetch", questions });
  }
  function askForMore() {
    const now = Date.now();
    const few = open().length < FEW && session.phase === "live";
    if (!settings.open || !few || now - asked.more < (session.nLeft ? RETRY_MS : 3 * RETRY_MS)) return;
    asked.more = now;
    post({ type: "more" });
  }
  function finished() {
    const answers = session.queue.map((key) => session.given(key)?.answer).filter((one) => one !== void 0);
    const nSkipped = session.queue.filter((key) => session.whySkipped(key) !== void 0).length;
    const lines = [...control.tally?.(answers) ?? []].map(([words, n]) => `${words}: ${n}`);
    if (nSkipped) lines.push(`Skipped: ${nSkipped}`);
    let head = `All ${session.queue.length} items are answered. Thank you.`;
    if (nSkipped) head = `${answers.length} items are answered, ${nSkipped} skipped. Thank you.`;
    if (settings.open && session.nLeft) head = "Others hold the items that are left. This page looks for free ones.";
    const [undo2] = keys.of("undo");
    return make(
      "div",
      "finished",
      make("h2", "", head),
      make("ul", "", ...lines.map((line) => make("li", "", line))),
      make("p", "", `To look at the last answer again press ${undo2?.toUpperCase() ?? "Undo"}.`)
    );
  }
  function changed() {
    warn(frame.missing, "");
    if (!immediate) putAway();
  }
  function save() {
    const question = current ? session.questions.get(current) : void 0;
    if (!current || !question || awaited || panel?.stays) return;
    const answer = control.read();
    if (typeof answer === "string") {
      warn(frame.missing, answer);
      return;
    }
    if (settings.ask_reason && !frame.reason.value.trim()) {
      warn(frame.missing, "This guideline asks for a reason with every answer.");
      frame.reason.focus();
      return;
    }
    const key = current;
    const duration = (performance.now() - shownAt) / 1e3;
    const entry = outbox.add({
      type: "answer",
      question: key,
      guideline: settings.guideline.sha,
      answer,
      reason: frame.reason.value.trim(),
      comment: frame.comment.value.trim(),
      clauses: [...cited],
      flags: [...flagged],
      duration_s: Math.round(duration * 1e3) / 1e3
    });
    if (!reviewing) pace.answered(duration);
    done(key);
    if (session.phase === "practice" || settings.waits) {
      awaited = { key, uuid: entry.uuid };
      say(frame.spoken, "Checking");
      refresh();
    } else {
      current = void 0;
      const next = open()[0];
      show(next);
      say(frame.spoken, `${control.said(answer, question)}. ${next ? frame.place.textContent : "All items are answered."}`);
    }
    outbox.pump();
    takeKeys();
  }
  function done(key) {
    session.markDone(key);
    drafts.drop(key);
  }
  function undo() {
    if (session.phase === "practice") return;
    const until = reviewing && current ? session.done.indexOf(current) : session.done.length;
    const key = session.done[until - 1];
    if (!key) return;
    show(key, true);
    const given = session.given(key);
    const was = given ? `answered: ${control.said(given.answer, session.questions.get(key))}` : "skipped";
    say(frame.spoken, `Back to ${frame.place.textContent}, ${was}.`);
  }
  function later() {
    if (!current || reviewing || open().length < 2 || awaited) return;
    const key = current;
    putAway();
    session.putOff(key);
    show(open()[0]);
    say(frame.spoken, `Moved to the end. ${frame.place.textContent}`);
  }
  function skip() {
    if (!current || awaited || session.phase === "practice" || session.given(current)) return;
    const key = current;
    openPanel(
      skipPanel(settings.skip_reasons, (reason) => {
        outbox.add({ type: "skip", question: key, guideline: settings.guideline.sha, reason });
        done(key);
        closePanel();
        current = void 0;
        show(open()[0]);
        say(frame.spoken, `Skipped. ${frame.place.textContent}`);
        outbox.pump();
      })
    );
  }
  function citeClause(id) {
    if (!cited.delete(id)) cited.add(id);
    changed();
    refresh();
  }
  function goTo(key) {
    closePanel();
    if (key && key !== current) show(key, true);
    takeKeys();
  }
  function openPanel(next) {
    panel = next;
    frame.panel.replaceChildren(next.element);
    next.first?.focus({ preventScroll: true });
    next.element.scrollIntoView({ block: "nearest" });
  }
  function closePanel() {
    if (!panel) return;
    panel = void 0;
    frame.panel.replaceChildren();
    takeKeys();
  }
  function showOverview() {
    const places = session.queue.map((key) => ({
      key,
      state: (
        /** @type {"answered" | "skipped" | "open"} */
        session.given(key) ? "answered" : session.whySkipped(key) !== void 0 ? "skipped" : "open"
      ),
      current: key === current
    }));
    openPanel(overviewPanel(places, goTo, settings.open && session.phase === "live" ? session.nLeft : void 0));
  }
  function reveal(ack) {
    if (current !== ack.question) show(ack.question, true);
    awaited = void 0;
    const question = session.questions.get(ack.question);
    openPanel(
      revealPanel(ack, question, control, aside, keys.of("save"), () => {
        closePanel();
        current = void 0;
        if (session.phase === "practice" && session.stands?.state !== "practising") showOutcome();
        else show(open()[0]);
      })
    );
    refresh();
  }
  function showOutcome() {
    const { stands } = session;
    if (!stands) return;
    current = void 0;
    frame.card.replaceChildren();
    refresh();
    openPanel(
      outcomePanel(stands, keys.of("save"), () => {
        closePanel();
        begin();
      })
    );
  }
  const actions = {
    save,
    undo,
    later,
    skip,
    unanswered: () => goTo(session.nextUnanswered(current)),
    overview: showOverview,
    flag: () => {
      if (current && settings.flags.length) {
        openPanel(
          flagPanel(settings.flags, flagged, () => {
            changed();
            refresh();
          })
        );
      }
    },
    reason: () => frame.reason.focus(),
    comment: () => {
      frame.commentLabel.hidden = false;
      frame.comment.focus();
    },
    clauses: () => {
      toggleGuideline(true);
      aside.readFirst();
    },
    search: () => {
      toggleGuideline(true);
      aside.search.focus();
    },
    guideline: () => toggleGuideline(),
    raw: () => view("raw"),
    difference: () => view("difference"),
    in_step: () => {
      cards.inStep = !cards.inStep;
      refresh();
    },
    keys: () => openPanel(keysPanel(keys.keys, keys.change, keys.reset)),
    down: () => cards.scroll(frame.card, 1),
    up: () => cards.scroll(frame.card, -1)
  };
  const KEEPS_FOCUS = /* @__PURE__ */ new Set(["skip", "overview", "flag", "reason", "comment", "clauses", "search", "keys", "save"]);
  function act(action) {
    if (panel && !panel.stays) closePanel();
    if (panel && !BESIDE_FEEDBACK.has(action) && !(action === "undo" && settings.waits && session.phase === "live")) return;
    if (panel && action === "undo") closePanel();
    const working = current && !awaited && session.questions.has(current);
    if (working && !panel && control.act(action)) return;
    panelAction = action;
    actions[action]?.();
    if (!KEEPS_FOCUS.has(action)) takeKeys();
  }
  function view(name) {
    root.dataset["view"] = root.dataset["view"] === name ? "" : name;
    const question = current ? session.questions.get(current) : void 0;
    if (question && root.dataset["view"] === "difference") cards.showDifferences(question, cards.of(question));
    refresh();
  }
  function toggleGuideline(visible = !aside.visible) {
    root.dataset["guideline"] = visible ? "open" : "closed";
    if (visible) aside.element.scrollIntoView({ block: "nearest" });
    tellGuideline();
  }
  function tellGuideline() {
    set(tools.guideline, "aria-expanded", String(aside.visible));
  }
  function takeKeys() {
    if (document.activeElement !== root && !panel) root.focus({ preventScroll: true });
  }
  function refresh() {
    const { sending, late, refused, final } = outbox.counts();
    const n = session.queue.length;
    const left = open().length;
    const live = session.phase === "live";
    const question = current ? session.questions.get(current) : void 0;
    const index = current ? session.queue.indexOf(current) + 1 : n;
    const which = live ? "Item" : "Practice";
    const of = settings.open && live ? "" : ` of ${n}`;
    const what = !reviewing ? "" : current && session.given(current) ? " · changing your answer" : " · skipped before";
    say(frame.place, current ? `${which} ${index}${of}${what}` : n || live ? "Finished" : "");
    frame.bar.max = Math.max(settings.open && live ? n + session.nLeft : n, 1);
    frame.bar.value = n - left;
    say(frame.pace, current ? pace.words(settings.open && live ? left + session.nLeft : left) : "");
    const nSaved = session.saved.size;
    const all = nSaved === 1 ? "1 answer saved" : `All ${nSaved} answers saved`;
    const line = !connected ? "Connecting…" : sending ? `${nSaved} saved · saving ${sending}…` : all;
    say(frame.status, late ? `${nSaved} saved · ${late} NOT SAVED` : connected && !nSaved && !sending ? "" : line);
    root.dataset["saving"] = late ? "late" : sending || !connected ? "sending" : "saved";
    root.dataset["phase"] = session.phase;
    root.dataset["waiting"] = String(Boolean(awaited));
    warn(
      frame.alarm,
      !late ? "" : refused ? `NOT SAVED: ${refused}` : "NOT SAVED: the kernel does not answer. Keep this page open; your answers are kept here and sent again. If this lasts, reload the page; in a notebook, run the cell again."
    );
    frame.discard.hidden = !final;
    if (!final) frame.discard.dataset["sure"] = "";
    const given = `${final} refused answer${final === 1 ? "" : "s"}`;
    say(frame.discard, frame.discard.dataset["sure"] ? `Really give up ${given}?` : `Give up ${given}`);
    const notices = [];
    if (begunBefore && question) {
      notices.push(`You began this under another version of the guideline. Now it is ${settings.guideline.ref}.`);
    }
    if (session.trouble) notices.push(`No further items could be fetched: ${session.trouble}`);
    if (nAside) notices.push(`${nAside} answer${nAside === 1 ? "" : "s"} came after the time was up and did not count.`);
    const minutes = pace.breakDue();
    if (minutes) notices.push(`${minutes} minutes without a pause. A short break keeps judgments steady.`);
    warn(frame.notice, notices.join(" "));
    say(frame.citing, cited.size ? `Citing ${[...cited].join(", ")}` : "");
    say(frame.flagged, flagged.size ? `Flagged: ${[...flagged].join(", ")}` : "");
    aside.showCited(cited);
    root.dataset["chosen"] = choiceShown();
    for (const part of [frame.ask, frame.controlPlace, frame.reasonLabel, frame.citing, frame.flagged]) {
      part.hidden = !question;
    }
    frame.controlPlace.inert = Boolean(awaited) || Boolean(panel?.stays);
    frame.commentLabel.hidden = !question || !frame.comment.value && document.activeElement !== frame.comment;
    const several = (question?.responses.length ?? 0) > 1;
    tools.save.hidden = !question || immediate && !reviewing;
    for (const tool of [tools.skip, tools.later, tools.undo]) tool.hidden = !live;
    for (const tool of [tools.raw, tools.flag, tools.comment]) tool.hidden = !question;
    for (const tool of [tools.difference, tools.in_step]) tool.hidden = !several;
    set(tools.undo, "aria-disabled", String(!session.done.length));
    set(tools.later, "aria-disabled", String(reviewing || left < 2));
    set(tools.skip, "aria-disabled", String(!current || Boolean(session.given(current))));
    set(tools.raw, "aria-pressed", String(root.dataset["view"] === "raw"));
    set(tools.difference, "aria-pressed", String(root.dataset["view"] === "difference"));
    set(tools.in_step, "aria-pressed", String(cards.inStep));
  }
  function choiceShown() {
    if (settings.task !== "pairwise" || !reviewing || !current) return "";
    const choice = session.given(current)?.answer["choice"];
    return choice === "A" ? "left" : choice === "B" ? "right" : "";
  }
  root.addEventListener("keydown", press, { signal });
  function press(event) {
    if (event.isComposing) return;
    const { target } = event;
    const writes = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
    if (writes && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      takeKeys();
      save();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      escape(target);
      return;
    }
    if (panel?.press?.(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (writes) {
      event.stopPropagation();
      return;
    }
    if (aside.move(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const presses = target instanceof HTMLButtonElement || target instanceof HTMLElement && target.tagName === "SUMMARY";
    if (presses && (event.key === "Enter" || event.key === " ")) {
      event.stopPropagation();
      return;
    }
    const action = keys.actionOf(event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    if (panel && !panel.stays) {
      if (action === panelAction) closePanel();
      return;
    }
    const repeats = ["down", "up", "row_down", "row_up"].includes(action);
    if (event.repeat && !repeats) return;
    act(action);
  }
  function escape(target) {
    if (target === aside.search) aside.clearSearch();
    if (panel && !panel.stays) {
      closePanel();
      refresh();
      return;
    }
    if (pace.breakDue()) {
      pace.carryOn();
      refresh();
    }
    const wasWriting = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
    takeKeys();
    if (!wasWriting && reviewing && !awaited && !panel) show(open()[0]);
    else refresh();
  }
  frame.reason.addEventListener("input", putAway, { signal });
  frame.comment.addEventListener("input", putAway, { signal });
  frame.discard.addEventListener(
    "click",
    () => {
      if (frame.discard.dataset["sure"]) {
        outbox.discard();
        session.done = session.done.filter(session.isDone);
        takeKeys();
        if (!current || awaited) show(open()[0]);
      } else frame.discard.dataset["sure"] = "yes";
      refresh();
    },
    { signal }
  );
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.hidden) hiddenAt = performance.now();
      else if (hiddenAt) {
        shownAt += performance.now() - hiddenAt;
        hiddenAt = 0;
      }
    },
    { signal }
  );
  window.addEventListener(
    "beforeunload",
    (event) => {
      putAway();
      drafts.flush();
      if (outbox.size) event.preventDefault();
    },
    { signal }
  );
  function receive(message) {
    connected = true;
    if (message.type === "state") takeState(message);
    else if (message.type === "questions") {
      session.learn(message.questions);
      asked.fetch = 0;
      if (message.questions.some((one) => one.key === current)) fill();
      setTimeout(fetchTexts);
    } else if (message.type === "ack") acknowledged(message);
    else if (message.type === "aside") {
      outbox.saved(message.uuid);
      session.drop(message.question);
      nAside += 1;
      if (current === message.question || awaited?.key === message.question) show(open()[0]);
      outbox.pump();
    } else if (message.type === "refused") {
      const ours = outbox.refused(message.uuid, message.message, message.final);
      if (!ours && message.uuid) {
        control.hear?.({ type: "said", uuid: message.uuid, question: "", text: "", done: true, error: message.message });
      }
      outbox.pump();
    } else control.hear?.(message);
    refresh();
  }
  function takeState(message) {
    const before = session.phase;
    const n = session.queue.length;
    session.take(message);
    asked.begin = 0;
    if (session.queue.length > n) asked.more = 0;
    for (const given of Object.values(message.given)) outbox.saved(given.uuid);
    for (const [key, turns] of Object.entries(message.turns)) control.turns?.(key, turns);
    if (session.phase === "practice" && session.stands?.state !== "practising") {
      if (!panel?.stays) showOutcome();
      return;
    }
    const elsewhere = current && !reviewing && !awaited && session.isDone(current);
    const gone = current && !session.has(current);
    if (before !== session.phase || !current || elsewhere || gone) {
      if (!panel?.stays) show(open()[0]);
    } else if (current && !frame.card.querySelector(".wb-item")) fill();
    setTimeout(buildAhead);
  }
  function acknowledged(message) {
    const { question: key, uuid } = message;
    outbox.saved(uuid);
    if (message.stands && session.phase === "live") return;
    if (message.stands) session.stands = message.stands;
    if (message.given) {
      session.saved.set(key, message.given);
      session.skipped.delete(key);
    }
    if (message.skipped !== void 0) session.skipped.set(key, message.skipped);
    if (session.has(key) && !session.done.includes(key)) session.markDone(key);
    outbox.pump();
    const worth = Boolean(message.feedback) || Object.keys(message.checks ?? {}).length > 0;
    const reveals = worth && session.has(key) && !revealed.has(uuid);
    revealed.add(uuid);
    if (reveals) reveal(message);
    else if (awaited?.uuid === uuid) show(open()[0]);
    else if (current && !reviewing && !awaited && !panel?.stays && session.isDone(current)) show(open()[0]);
    askForMore();
  }
  function tick() {
    const now = Date.now();
    if (!connected && now - asked.hello >= RETRY_MS) hello();
    if (asked.begin && now - asked.begin >= RETRY_MS) begin();
    if (now - lastAdopted >= RETRY_MS) adopt();
    if (settings.open && !document.hidden && now - asked.here >= HERE_MS) {
      asked.here = now;
      post({ type: "here" });
    }
    fetchTexts();
    askForMore();
    if (outbox.size) {
      outbox.pump();
      refresh();
    }
  }
  let lastAdopted = Date.now();
  function adopt() {
    lastAdopted = Date.now();
    if (outbox.adopt() && current && !reviewing && !awaited && session.isDone(current)) show(open()[0]);
  }
  function begin() {
    asked.begin = Date.now();
    post({ type: "begin" });
  }
  function hello() {
    asked.hello = Date.now();
    post({ type: "hello" });
  }
  model.on("msg:custom", receive);
  session.take(model.get("start"));
  outbox.adopt();
  session.done = session.queue.filter(session.isDone);
  if (session.phase === "practice" && session.stands?.state !== "practising") showOutcome();
  else show(open()[0]);
  hello();
  outbox.pump();
  refresh();
  const timer = setInterval(tick, TICK_MS);
  const resized = new ResizeObserver(tellGuideline);
  resized.observe(outer);
  return () => {
    putAway();
    drafts.flush();
    stop.abort();
    clearInterval(timer);
    control.stop?.();
    resized.disconnect();
    model.off("msg:custom", receive);
    outer.remove();
  };
}
var main_default = { render };
export {
  main_default as default,
  safeFragment
};
