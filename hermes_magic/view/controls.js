// The second half of live.js: what a screen reader says, the buttons, and what is left to do when
// the kernel has put plain HTML in the widget's place.

const SPEECH_MS = 2000;

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
  if (node.matches("details")) return node.querySelector("summary").textContent;
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
    const calls = this.view.answer.el.querySelectorAll(".hermes-tool");
    root.querySelectorAll(".hermes-tool").forEach((call, i) => (call.open = Boolean(calls[i]?.open)));
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
      html: withoutCalls(joined(reply.answer)),
      text: reply.source.trim(),
    })),
    copyButton("Copy Markdown", "Copy the answer as Markdown", () => ({ text: reply.source.trim() })),
  );
  return bar;
}

// The answer's own words: function calls and their results are left out.
function withoutCalls(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const call of template.content.querySelectorAll(".hermes-tool")) call.remove();
  return template.innerHTML;
}

function addCodeButtons(root) {
  if (root.nodeType !== Node.ELEMENT_NODE) return;
  const blocks = root.matches("div.highlight") ? [root] : root.querySelectorAll("div.highlight");
  for (const block of blocks) {
    if (block.matches(".hm-more, .hermes-code")) continue;
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
