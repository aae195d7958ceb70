// Draws one reply as it streams. The kernel sends numbered frames: finished blocks of safe HTML
// once, the open block as a change to its last state, and the new Markdown for copying. Every
// view (there may be several, one per browser tab or "new view") draws from the reply's state,
// at most once per screen frame, and only what it has not drawn yet.
//
// When the reply is whole the kernel puts plain HTML in the widget's place. What this module adds
// to that HTML (copy buttons) lives in the open page only: it is never saved.

const SPEECH_MS = 2000;
const LOST = "The kernel has gone: this answer is not whole.";

export default () => {
  const reply = { number: 0, thought: pane(0), answer: pane(0), frame: null, source: "", lost: false };
  const views = new Set();
  const redraw = () => views.forEach((view) => view.schedule());
  return {
    initialize({ model }) {
      model.on("msg:custom", (frame) => {
        if (frame.number <= reply.number) return;
        for (const name of ["thought", "answer"]) reply[name] = patched(reply[name], frame[name]);
        reply.source = (frame.answer?.reset ? "" : reply.source) + frame.source;
        Object.assign(reply, { number: frame.number, frame });
        redraw();
      });
      model.on("comm_live_update", () => {
        reply.lost = true;
        redraw();
        keep(model.widget_manager?.context?.model?.cells, reply);
      });
    },
    render({ model, el }) {
      const view = new View(model, el, reply);
      views.add(view);
      view.schedule();
      return () => views.delete(view);
    },
  };
};

function pane(generation) {
  return { generation, closed: [], open: "" };
}

function patched(before, change) {
  if (!change) return before;
  const next = change.reset ? pane(before.generation + 1) : before;
  if (change.closed) next.closed.push(change.closed);
  next.open = (change.closed ? "" : next.open).slice(0, change.keep) + change.add;
  return next;
}

// The kernel has gone and cannot put plain HTML in the widget's place: in JupyterLab the page can.
function keep(cells, { frame, source, thought, answer }) {
  const widget = "application/vnd.jupyter.widget-view+json";
  const html = root(frame, joined(thought), joined(answer)).outerHTML;
  const text = `${source.trim()}\n\n[${LOST}]`;
  const data = { "text/html": html, "text/markdown": text, "text/plain": text };
  for (const { outputs } of cells ?? []) {
    for (let i = 0; i < (outputs?.length ?? 0); i++) {
      if (outputs.get(i).data?.[widget]?.model_id !== frame.id) continue;
      outputs.set(i, { output_type: "display_data", data, metadata: {} });
    }
  }
}

function root(frame, thought, answer) {
  const made = document.createElement("div");
  made.className = "hermes";
  if (thought) {
    const details = make("details", "hermes-thought", made);
    make("summary", "", details).textContent = frame.heading;
    make("div", "", details).innerHTML = thought;
  }
  make("div", "hermes-answer", made).innerHTML = answer;
  make("p", "hermes-note", made).textContent = LOST;
  return made;
}

function joined({ closed, open }) {
  return (closed.join("") + open).trim();
}

class View {
  constructor(model, el, reply) {
    Object.assign(this, { model, el, reply, due: 0, touched: false, folded: false });
    el.classList.add("jp-RenderedHTMLCommon");
    el.dataset.lmSuppressShortcuts = "true"; // keys pressed on our buttons are not JupyterLab's
    const root = make("div", "hermes hermes-live", el);
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Answer of Hermes");
    this.speech = new Speech(root);
    this.details = make("details", "hermes-thought", root);
    this.details.hidden = true;
    this.summary = make("summary", "hermes-quiet", this.details);
    this.summary.addEventListener("click", () => (this.touched = true));
    const typesetter = model.widget_manager?.rendermime?.latexTypesetter;
    const thought = make("div", "hermes-thought-body hermes-quiet", this.details);
    this.thought = new Pane(thought, typesetter);
    this.answer = new Pane(make("div", "hermes-answer", root), typesetter, this.speech);
    this.notes = make("div", "hermes-notes", root);
    this.tools = tools(root, reply);
    this.stopButton = button("Stop", () => this.stop());
    this.tools.prepend(this.stopButton);
    this.askWhetherHeard();
    this.line = make("div", "hermes-line hermes-quiet hermes-busy", root);
    this.line.textContent = "Asking…";
    this.afterwards = new Afterwards(this);
  }

  schedule() {
    this.due ||= requestAnimationFrame(() => {
      this.due = 0;
      this.draw();
    });
  }

  draw() {
    this.afterwards.watch();
    if (this.reply.lost) this.lose();
    const { frame, thought, answer } = this.reply;
    if (!frame) return;
    if (frame.thoughts !== "hidden") this.thought.draw(thought);
    this.answer.draw(answer);
    const notes = frame.notes.join("\n");
    setText(this.notes, notes);
    setText(this.summary, frame.heading);
    setText(this.line, this.reply.lost ? LOST : frame.line);
    for (const copy of this.tools.querySelectorAll(".hermes-copy")) copy.hidden = !this.reply.source;
    if (frame.hears) this.stopButton.hidden = false;
    this.fold(frame);
  }

  // Open while Hermes thinks, folded when the answer begins, unless the person has taken over.
  fold({ answering, thoughts }) {
    const shown = !this.thought.isEmpty;
    if (shown && this.details.hidden) {
      this.details.hidden = false;
      this.details.open = !answering || thoughts === "open";
      this.speech.say("Hermes is thinking.");
    }
    if (answering && !this.folded) {
      this.folded = true;
      if (!this.touched && thoughts !== "open") this.details.open = false;
      this.speech.say("Hermes answers.");
    }
    const waits = !answering && !this.reply.lost;
    this.summary.classList.toggle("hermes-busy", shown && waits);
    this.line.classList.toggle("hermes-busy", !shown && waits);
  }

  stop() {
    this.stopButton.disabled = true;
    this.stopButton.textContent = "Stopping…";
    if (this.interrupts) this.model.widget_manager.kernel.interrupt();
    else this.model.send({ stop: true });
  }

  get interrupts() {
    return Boolean(this.model.widget_manager?.kernel?.interrupt);
  }

  // Where the page cannot interrupt the kernel, a busy kernel may still hear a message (on a
  // subshell, which the host may start at the first one): only then is there a Stop button.
  askWhetherHeard() {
    this.stopButton.hidden = !this.interrupts;
    for (const delay of this.interrupts ? [] : [0, 500, 2000]) {
      setTimeout(() => this.reply.frame?.hears || this.model.send({ hello: true }), delay);
    }
  }

  lose() {
    this.stopButton.remove();
    this.summary.classList.remove("hermes-busy");
    this.line.classList.remove("hermes-busy");
  }
}

// One growing text. Finished blocks are drawn once; the nodes of the open one are replaced.
class Pane {
  constructor(el, typesetter, speech) {
    Object.assign(this, { el, typesetter, speech, tail: [] });
    this.drawn = { generation: 0, closed: 0, open: "" };
    this.sources = new WeakMap(); // formula -> its TeX, before the typesetter replaced it
    el.dir = "auto";
  }

  get isEmpty() {
    return !this.el.firstChild;
  }

  draw({ generation, closed, open }) {
    if (generation !== this.drawn.generation) this.clear(generation);
    const drawn = this.drawn;
    if (drawn.closed === closed.length && drawn.open === open) return;
    const formulas = this.takeFormulas();
    for (const node of this.tail) node.remove();
    for (const html of closed.slice(drawn.closed)) this.add(html, formulas, true);
    this.tail = this.add(open, formulas, false);
    this.drawn = { generation, closed: closed.length, open };
  }

  clear(generation) {
    this.el.replaceChildren();
    this.tail = [];
    this.drawn = { generation, closed: 0, open: "" };
  }

  add(html, formulas, final) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const nodes = [...template.content.childNodes];
    const first = template.content.firstElementChild;
    if (first?.classList.contains("hm-more")) this.join(first);
    if (final) for (const node of nodes) this.speech?.say(spoken(node));
    this.el.append(template.content);
    for (const node of final ? nodes : nodes.slice(0, -1)) addCodeButtons(node);
    this.typeset(nodes, formulas);
    return nodes;
  }

  // A long block goes on: close the gap, and let a table keep its columns.
  join(next) {
    const before = this.el.lastElementChild;
    before?.classList.add("hm-cut");
    if (next.tagName !== "TABLE" || before?.tagName !== "TABLE") return;
    const columns = before.querySelector("colgroup") ?? measured(before);
    next.prepend(columns.cloneNode(true));
    next.style.cssText = `table-layout:fixed;width:${before.offsetWidth}px`;
  }

  // A formula of the open block that is typeset already is moved, not typeset again.
  takeFormulas() {
    const found = new Map();
    for (const formula of mathIn(this.tail)) {
      const tex = formula.firstElementChild && this.sources.get(formula);
      if (tex) found.set(tex, [...(found.get(tex) ?? []), formula]);
    }
    return found;
  }

  typeset(nodes, formulas) {
    if (!this.typesetter) return;
    for (const formula of mathIn(nodes)) {
      const done = formulas.get(formula.textContent)?.pop();
      if (done) formula.replaceWith(done);
      else {
        this.sources.set(formula, formula.textContent);
        this.typesetter.typeset(formula);
      }
    }
  }
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

// What a screen reader says: whole blocks when they are finished, now and then, never tokens.
class Speech {
  constructor(parent) {
    this.el = make("div", "hermes-speech", parent);
    this.el.setAttribute("role", "status");
    this.waiting = [];
    this.timer = 0;
  }

  say(text) {
    if (!text) return;
    this.waiting.push(text);
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      this.el.textContent = this.waiting.splice(0).join(" ");
    }, SPEECH_MS);
  }
}

function spoken(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return "";
  if (node.matches(".highlight")) return `Code, ${node.textContent.trimEnd().split("\n").length} lines.`;
  if (node.matches("table")) return `Table, ${node.rows.length} rows.`;
  return node.matches(".hm-math-display") ? "Formula." : node.textContent.trim();
}

// Waits until the kernel puts the final HTML in the widget's place, and adds to it what only an
// open page can have. Needs JupyterLab's or Notebook 7's output area; does nothing elsewhere.
class Afterwards {
  constructor(view) {
    this.view = view;
  }

  watch() {
    const area = !this.area && this.view.el.closest(".jp-OutputArea");
    if (!area) return;
    this.area = area;
    this.observer = new MutationObserver(() => this.look());
    this.observer.observe(area, { childList: true, subtree: true });
    this.look();
  }

  look() {
    const children = [...this.area.children];
    if (this.area.contains(this.view.el)) {
      this.index = children.findIndex((child) => child.contains(this.view.el));
      return;
    }
    const found = children[this.index]?.querySelector(".hermes");
    const gone = children.length <= this.index || found?.classList.contains("hermes-live");
    if (found || gone) this.observer.disconnect();
    if (found && !gone) this.enrich(found);
  }

  enrich(root) {
    root.dataset.lmSuppressShortcuts = "true";
    const thought = root.querySelector(".hermes-thought");
    if (thought && this.view.details.open) thought.open = true;
    addCodeButtons(root);
    const added = tools(root, this.view.reply);
    root.insertBefore(added, root.querySelector(".hermes-cost"));
    if (this.view.stopButton.disabled) added.querySelector("button").focus({ preventScroll: true });
    new Speech(root).say("The answer is complete.");
  }
}

function tools(parent, reply) {
  const bar = make("div", "hermes-tools", parent);
  bar.append(
    copyButton("Copy", "Copy the answer", () => ({
      html: joined(reply.answer),
      text: reply.source.trim(),
    })),
    copyButton("Copy Markdown", "Copy the answer as Markdown", () => ({ text: reply.source.trim() })),
  );
  return bar;
}

function addCodeButtons(root) {
  if (root.nodeType !== Node.ELEMENT_NODE) return;
  const blocks = root.matches("div.highlight") ? [root] : root.querySelectorAll("div.highlight");
  for (const block of blocks) {
    if (block.classList.contains("hm-more")) continue;
    const copy = copyButton("Copy", "Copy the code", () => ({ text: codeFrom(block) }));
    copy.classList.add("hermes-copy-code");
    block.prepend(copy);
    block.classList.add("hermes-code");
  }
}

function codeFrom(block) {
  let text = "";
  for (let node = block; node; node = node.nextElementSibling) {
    if (node !== block && !node.matches("div.highlight.hm-more")) break;
    text += node.querySelector("code").textContent;
  }
  return text;
}

function copyButton(label, title, content) {
  const made = button(label, async () => {
    made.textContent = (await copied(content())) ? "Copied" : "Not allowed";
    setTimeout(() => (made.textContent = label), 1500);
  });
  made.classList.add("hermes-copy");
  made.title = title;
  return made;
}

async function copied({ text, html }) {
  try {
    const types = html ? { "text/html": html, "text/plain": text } : { "text/plain": text };
    const blobs = Object.entries(types).map(([type, data]) => [type, new Blob([data], { type })]);
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
    return true;
  } catch {
    return copiedWithoutClipboard(text); // no permission, or a page that came over plain http
  }
}

function copiedWithoutClipboard(text) {
  const area = make("textarea", "hermes-speech", document.body);
  area.value = text;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function button(label, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "hermes-button", textContent: label });
  made.addEventListener("click", act);
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function make(tag, classes, parent) {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  return parent.appendChild(node);
}
