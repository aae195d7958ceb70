// The third part of live.js: what the page does to the notebook's own outputs, where a widget
// reaches them (JupyterLab, Notebook 7). Elsewhere there is no `context`, and nothing is done.

const WIDGET = "application/vnd.jupyter.widget-view+json";
const LOST = "The kernel has gone: this answer is not whole.";
const SAVED = "This answer was not whole yet when the notebook was saved.";

class Book {
  constructor(model, reply) {
    Object.assign(this, { model, reply, context: model.widget_manager?.context });
    this.context?.saveState?.connect(this.saving, this);
  }

  // Where the reply stands: as the widget, or as the copy that a save has left.
  find(id, inCell) {
    for (const cell of this.context?.model?.cells ?? []) {
      if (inCell && cell.id !== inCell) continue;
      for (let i = 0; i < (cell.outputs?.length ?? 0); i++) {
        const { data, metadata } = cell.outputs.get(i);
        if ((data?.[WIDGET]?.model_id ?? metadata?.hermes?.answer) === id) return { cell, i };
      }
    }
  }

  get shown() {
    const { frame } = this.reply;
    return frame && this.find(frame.id, frame.cell);
  }

  // A saved widget would be "Error displaying widget" for ever. The file gets what came so far
  // as plain HTML; the page keeps the widget, since a silent change is not drawn.
  saving(_, state) {
    const found = state === "started" && this.shown;
    const notebook = found && found.cell.sharedModel;
    if (!notebook?.appendStreamOutput) return; // before JupyterLab had silent changes
    const copy = partial(this.reply, SAVED, { hermes: { answer: this.reply.frame.id } });
    notebook.updateOutputs(found.i, found.i + 1, [copy], "silent-change");
  }

  // The kernel has gone and cannot put plain HTML in the widget's place: the page can.
  lose() {
    const found = this.shown;
    if (found) found.cell.outputs.set(found.i, partial(this.reply, LOST));
    this.leave();
  }

  // Put an answer that ended while no page showed it where it belongs.
  async place({ id, cell: wanted, count, data }) {
    if (!this.context?.model) return;
    await this.context.ready;
    const cell = [...this.context.model.cells].find((one) => one.id === wanted && one.outputs);
    const found = this.find(id, wanted);
    if (cell && (found || !this.reply.shown)) {
      put(cell, found, count, { output_type: "display_data", data, metadata: {} });
    }
    this.model.send(cell ? { seen: true } : { homeless: true });
  }

  leave() {
    this.context?.saveState?.disconnect(this.saving, this);
  }
}

function put(cell, found, count, output) {
  const isOlder = cell.executionCount !== null && cell.executionCount !== count;
  if (found) cell.outputs.set(found.i, output);
  else {
    if (isOlder) cell.outputs.clear(); // of an earlier run: this one was never saved
    cell.outputs.add(output);
  }
  cell.executionCount = count;
}

function partial({ frame, source, thought, answer }, note, metadata = {}) {
  const html = root(frame, joined(thought), joined(answer), note).outerHTML;
  const text = `${source.trim()}\n\n[${note}]`;
  const data = { "text/html": html, "text/markdown": text, "text/plain": text };
  return { output_type: "display_data", data, metadata };
}

function root(frame, thought, answer, note) {
  const made = document.createElement("div");
  made.className = "hermes";
  if (thought) {
    const details = make("details", "hermes-thought", made);
    make("summary", "", details).textContent = frame.heading;
    make("div", "", details).innerHTML = thought;
  }
  make("div", "hermes-answer", made).innerHTML = answer;
  make("em", "", make("p", "hermes-note", made)).textContent = note;
  dress(made);
  return made;
}

// The style sheet stays in the page: what is saved gets the inline styles of dress.py.
function dress(made) {
  const styles = {
    ".hermes-thought": "margin:0 0 10px 0;",
    summary: "font-size:85%;opacity:0.75;cursor:pointer;",
    pre:
      "margin:0 0 14px 0;padding:10px 12px;border-radius:4px;" +
      "background-color:rgba(128,128,128,0.1);white-space:pre-wrap;overflow-wrap:break-word;",
    "pre code, div.highlight": "background-color:transparent;",
    table: "margin-left:0;margin-right:0;",
    "td:not([align]), th:not([align])": "text-align:left;",
    "td[align=center], th[align=center]": "text-align:center;",
  };
  for (const [selector, style] of Object.entries(styles)) {
    for (const node of made.querySelectorAll(selector)) node.style.cssText = style;
  }
}

function joined({ closed, open }) {
  return (closed.join("") + open).trim();
}
