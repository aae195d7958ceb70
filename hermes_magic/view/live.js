// Draws one reply as it streams. The kernel sends numbered frames of what has changed: the safe
// HTML of the open block as a change to its last state, how much of it is now finished and will
// not change again, and the new Markdown for copying. Every
// view (there may be several, one per browser tab or "new view") draws from the reply's state,
// at most once per screen frame, and only what it has not drawn yet.
//
// When the reply is whole the kernel puts plain HTML in the widget's place. What this module adds
// to that HTML (copy buttons) lives in the open page only: it is never saved.
//
// The end is confirmed, so that the kernel knows whether a page has shown it. A page that is opened
// later, or while the answer is under way, is told of an end that nobody has confirmed: `kept`.
//
// live.py sends this file, pane.js, controls.js and notebook.js as one module.

export default () => {
  const reply = { number: 0, thought: pane(0), answer: pane(0), frame: null, source: "" };
  Object.assign(reply, { lost: false, shown: false });
  const views = new Set();
  const redraw = () => views.forEach((view) => view.schedule());
  return {
    initialize({ model }) {
      const book = new Book(model, reply);
      const isLate = model.get("kept") !== undefined; // it has missed the frames so far
      const late = () => model.get("kept") && book.place(model.get("kept"));
      model.on("change:kept", late);
      late();
      model.on("msg:custom", (frame) => {
        if (frame.kept) {
          if (isLate || reply.shown) book.place(frame.kept);
        } else if (frame.done) {
          book.leave();
          if (reply.shown) model.send({ seen: true });
          else if (isLate) model.send({ missed: true });
        } else if (!isLate && frame.number > reply.number) {
          take(reply, frame);
          reply.shown ||= views.size > 0 || Boolean(book.shown);
          redraw();
        }
      });
      model.on("comm_live_update", () => {
        reply.lost = true;
        redraw();
        book.lose();
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

function take(reply, frame) {
  for (const name of ["thought", "answer"]) reply[name] = patched(reply[name], frame[name]);
  reply.source = (frame.answer?.reset ? "" : reply.source) + (frame.source ?? "");
  Object.assign(reply, { number: frame.number, frame: { ...reply.frame, ...frame } });
}

function pane(generation) {
  return { generation, closed: [], open: "" };
}

function patched(before, change) {
  if (!change) return before;
  const next = change.reset ? pane(before.generation + 1) : before;
  const text = next.open.slice(0, change.keep) + change.add;
  if (change.close) next.closed.push(text.slice(0, change.close));
  next.open = text.slice(change.close);
  return next;
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
    setText(this.notes, frame.notes ?? "");
    setText(this.summary, frame.heading ?? "");
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

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function make(tag, classes, parent) {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  return parent.appendChild(node);
}
