// The part of live.js that draws one growing text. Finished blocks are drawn once. The open one is
// parsed again, but only what has changed is put into the page: so a long block is not laid out
// again at each word, and what the person has selected in it stays selected.

class Pane {
  constructor(el, typesetter, speech) {
    Object.assign(this, { el, typesetter, speech });
    this.sources = new WeakMap(); // formula -> its TeX, before the typesetter replaced it
    el.dir = "auto";
    this.clear(0);
  }

  get isEmpty() {
    return !this.el.firstChild;
  }

  draw({ generation, closed, open }) {
    if (generation !== this.drawn.generation) this.clear(generation);
    const drawn = this.drawn;
    if (drawn.closed === closed.length && drawn.open === open) return;
    const finished = closed.slice(drawn.closed).flatMap(parsed);
    const growing = parsed(open);
    const change = { gone: [], added: [] };
    const nodes = graft(this.el, this.tail, this.model, [...finished, ...growing], change);
    this.tail = nodes.splice(finished.length);
    this.model = growing;
    this.drawn = { generation, closed: closed.length, open };
    for (const node of finished) this.speech?.say(spoken(node));
    for (const node of [...nodes, ...this.tail.slice(0, -1)]) addCodeButtons(node);
    for (const node of [...nodes, ...this.tail]) join(node);
    this.typeset(change);
  }

  clear(generation) {
    this.el.replaceChildren();
    this.tail = []; // the nodes of the open block in the page,
    this.model = []; // and the same as they came, without what the page has made of them
    this.drawn = { generation, closed: 0, open: "" };
  }

  // A formula that is typeset already is moved, not typeset again.
  typeset({ gone, added }) {
    if (!this.typesetter) return;
    const done = new Map();
    for (const formula of mathIn(gone)) {
      const tex = formula.firstElementChild && this.sources.get(formula);
      if (tex) done.set(tex, [...(done.get(tex) ?? []), formula]);
    }
    for (const formula of mathIn(added)) {
      const tex = formula.textContent;
      const moved = done.get(tex)?.pop();
      this.sources.set(formula, tex);
      if (moved) formula.replaceChildren(...moved.childNodes);
      else this.typesetter.typeset(formula);
    }
  }
}

function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.childNodes];
}

// Makes the last children of a parent, `live`, which were made from `before`, into what `after`
// shows. A text grows at its end: from the first difference on, all is new, but for the inside of
// the node where that is. Gives the live nodes, and notes in `change` which have gone and come.
function graft(parent, live, before, after, change) {
  const most = Math.min(before.length, after.length);
  let kept = 0;
  while (kept < most && before[kept].isEqualNode(after[kept])) kept += 1;
  if (kept < most && isAlike(before[kept], after[kept]) && isIntact(live[kept], before[kept])) {
    grow(live[kept], before[kept], after[kept], change);
    kept += 1;
  }
  for (const node of live.slice(kept)) {
    node.remove();
    change.gone.push(node);
  }
  const added = after.slice(kept).map((node) => document.importNode(node, true));
  parent.append(...added);
  change.added.push(...added);
  return [...live.slice(0, kept), ...added];
}

function grow(live, before, after, change) {
  if (live.nodeType !== Node.TEXT_NODE) {
    graft(live, own(live), [...before.childNodes], [...after.childNodes], change);
  } else if (after.data.startsWith(live.data)) {
    live.appendData(after.data.slice(live.length));
  } else {
    live.data = after.data;
  }
}

function isAlike(one, other) {
  if (one.nodeType === Node.TEXT_NODE) return other.nodeType === Node.TEXT_NODE;
  const isFormula = one.nodeType === Node.ELEMENT_NODE && one.classList.contains("hm-math");
  return !isFormula && one.cloneNode(false).isEqualNode(other.cloneNode(false));
}

// Others may have had their hands in it: a search in outputs marks words, a browser translates.
function isIntact(live, model) {
  if (model.nodeType === Node.TEXT_NODE) return live.data === model.data;
  const nodes = own(live);
  const names = [...model.childNodes].map((node) => node.nodeName);
  return nodes.length === names.length && nodes.every((node, at) => node.nodeName === names[at]);
}

function own(live) {
  return [...live.childNodes].filter((node) => !isOurs(node));
}

// What the page has put into the answer's nodes: the button of a code block, a table's columns.
function isOurs(node) {
  return node.nodeName === "COLGROUP" || node.classList?.contains("hermes-copy-code");
}

// A long block goes on: close the gap, and let a table keep its columns.
function join(next) {
  const before = next.classList?.contains("hm-more") && next.previousElementSibling;
  if (!before) return;
  before.classList.add("hm-cut");
  if (next.tagName !== "TABLE" || before.tagName !== "TABLE" || columnsOf(next)) return;
  if (!before.offsetWidth) return; // nobody sees it now, so nothing can be measured
  next.prepend((columnsOf(before) ?? measured(before)).cloneNode(true));
  next.style.cssText = `table-layout:fixed;width:${before.offsetWidth}px`;
}

function columnsOf(table) {
  return table.querySelector(":scope > colgroup");
}

function mathIn(nodes) {
  const elements = nodes.filter((node) => node.nodeType === Node.ELEMENT_NODE);
  return elements.flatMap((node) =>
    node.matches(".hm-math") ? [node] : [...node.querySelectorAll(".hm-math")],
  );
}

function measured(table) {
  const columns = document.createElement("colgroup");
  for (const cell of table.rows[0]?.cells ?? []) {
    make("col", "", columns).style.width = `${cell.offsetWidth}px`;
  }
  return columns;
}
