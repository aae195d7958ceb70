// Draws one reply as it streams. The kernel sends numbered frames: finished blocks of safe HTML
// once, and the open block as a change to its last state. Each view (there may be one per browser
// tab) can be drawn from the reply's state at any moment.

const empty = () => ({ closed: [], open: "" });

export default () => {
  const reply = { number: 0, thought: empty(), answer: empty(), frame: null };
  const views = new Set();
  return {
    initialize({ model }) {
      model.on("msg:custom", (frame) => {
        if (frame.number <= reply.number) return;
        reply.number = frame.number;
        reply.frame = frame;
        for (const name of ["thought", "answer"]) patch(reply[name], frame[name]);
        for (const view of views) view.draw(frame);
      });
    },
    render({ model, el }) {
      const view = new View(model, el);
      view.catchUp(reply);
      views.add(view);
      return () => views.delete(view);
    },
  };
};

function patch(pane, change) {
  if (!change) return;
  if (change.reset) Object.assign(pane, empty());
  if (change.closed) pane.closed.push(change.closed);
  pane.open = (change.closed ? "" : pane.open).slice(0, change.keep) + change.add;
  change.html = pane.open;
}

class View {
  constructor(model, el) {
    el.classList.add("jp-RenderedHTMLCommon", "hermes", "hermes-live");
    this.typesetter = model.widget_manager?.rendermime?.latexTypesetter;
    this.details = make("details", "hermes-thought", el);
    this.summary = make("summary", "hermes-quiet", this.details);
    this.thought = new Pane(make("div", "hermes-thought-body hermes-quiet", this.details), this.typesetter);
    this.answer = new Pane(make("div", "hermes-answer", el), this.typesetter);
    this.notes = make("div", "hermes-notes", el);
    this.line = make("div", "hermes-line hermes-quiet", el);
    this.line.setAttribute("role", "status");
    this.line.textContent = "Asking…";
    this.details.hidden = true;
    this.touched = false;
    this.folded = false;
    this.summary.addEventListener("click", () => (this.touched = true));
  }

  catchUp(reply) {
    for (const name of ["thought", "answer"]) this[name].replace(reply[name]);
    if (reply.frame) this.draw({ ...reply.frame, thought: null, answer: null });
  }

  draw(frame) {
    this.thought.draw(frame.thought);
    this.answer.draw(frame.answer);
    this.summary.textContent = frame.heading;
    this.line.textContent = frame.line;
    this.notes.textContent = frame.notes.join("\n");
    this.fold(frame.answering);
  }

  // Open while Hermes thinks, folded when the answer begins, unless the person has taken over.
  fold(answering) {
    const any = !this.thought.isEmpty;
    if (any && this.details.hidden) {
      this.details.hidden = false;
      this.details.open = !answering;
    }
    if (answering && !this.folded) {
      this.folded = true;
      if (!this.touched) this.details.open = false;
    }
    this.details.classList.toggle("hermes-thinking", any && !answering);
  }
}

class Pane {
  constructor(el, typesetter) {
    this.el = el;
    this.typesetter = typesetter;
    this.openEl = make("div", "hermes-open", el);
    this.busyUntil = 0;
    this.pending = 0;
  }

  get isEmpty() {
    return this.el.childElementCount === 1 && !this.openEl.firstChild;
  }

  replace({ closed, open }) {
    while (this.el.firstChild !== this.openEl) this.el.firstChild.remove();
    this.add(closed.join(""));
    this.openEl.innerHTML = open;
    this.typesetOpen();
  }

  draw(change) {
    if (!change) return;
    if (change.reset) while (this.el.firstChild !== this.openEl) this.el.firstChild.remove();
    if (change.closed) this.add(change.closed);
    this.openEl.innerHTML = change.html;
    this.typesetOpen();
  }

  add(html) {
    if (!html) return;
    const last = this.openEl.previousSibling;
    this.openEl.insertAdjacentHTML("beforebegin", html);
    let node = last ? last.nextSibling : this.el.firstChild;
    for (; node !== this.openEl; node = node.nextSibling) this.typeset(node);
  }

  typeset(node) {
    if (node.nodeType !== Node.ELEMENT_NODE || !this.typesetter) return;
    const math = node.matches(".hm-math") ? [node] : node.querySelectorAll(".hm-math");
    for (const formula of math) this.typesetter.typeset(formula);
  }

  // The open block is drawn again and again: spend at most a fifth of the time on its formulas.
  typesetOpen() {
    const now = performance.now();
    clearTimeout(this.pending);
    if (now < this.busyUntil) {
      this.pending = setTimeout(() => this.typesetOpen(), this.busyUntil - now);
      return;
    }
    this.typeset(this.openEl);
    this.busyUntil = now + 5 * (performance.now() - now);
  }
}

function make(tag, classes, parent) {
  const node = document.createElement(tag);
  node.className = classes;
  return parent.appendChild(node);
}
