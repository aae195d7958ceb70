"""The page's half of a growing text, alone: at each step it shows what drawing all anew would."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.view import live
from hermes_magic.view.pane import Pane
from tests.markdown_texts import BLOCKS, GAPS, LONG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from playwright.sync_api import BrowserContext, Page

# Draws frame by frame, and gives the first one that is not what its HTML says, if there is one.
# What the page adds (copy buttons, classes, columns, typeset formulas) is taken out again.
DRAW = """
frames => {
  const root = document.body.appendChild(document.createElement("div"));
  const typeset = [];
  const typesetter = { typeset(node) {
    const done = document.createElement("i");
    typeset.push(done.dataset.tex = node.textContent);
    node.replaceChildren(done);
  } };
  const drawer = new Pane(root, typesetter);
  const plain = node => {
    const copy = node.cloneNode(true);
    for (const one of copy.querySelectorAll(".hermes-copy-code, colgroup")) one.remove();
    for (const one of copy.querySelectorAll(".hermes-code, .hm-cut")) {
      one.classList.remove("hermes-code", "hm-cut");
      if (!one.className) one.removeAttribute("class");
    }
    for (const one of copy.querySelectorAll(":scope > table")) one.removeAttribute("style");
    for (const one of copy.querySelectorAll("i[data-tex]")) one.replaceWith(one.dataset.tex);
    return copy.innerHTML;
  };
  let state = pane(0);
  for (const [number, frame] of frames.entries()) {
    state = patched(state, frame);
    drawer.draw(state);
    const whole = document.createElement("div");
    whole.innerHTML = state.closed.join("") + state.open;
    if (plain(root) !== whole.innerHTML) return [number, whole.innerHTML, plain(root), typeset];
  }
  root.remove();
  return [null, frames.length, 0, typeset];
}
"""


@pytest.fixture
def page(chromium: BrowserContext) -> Iterator[Page]:
    page = chromium.new_page()
    page.add_script_tag(content=live.script().replace("export default", "window.widget ="))
    yield page
    page.close()


def frames(pieces: Iterable[str]) -> Iterator[dict[str, Any]]:
    pane = Pane(breaks=False)
    for piece in pieces:
        pane.feed(piece)
        patch = pane.patch()
        if patch is not None:
            yield patch


def pieces(text: str, rng: random.Random, longest: int) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + rng.randint(1, longest)
        yield text[start:end]
        start = end


@pytest.mark.parametrize("seed", range(10))
def test_any_text_in_any_pieces_is_drawn_as_it_is(page: Page, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(30):
        parts = [rng.choice(BLOCKS) + rng.choice(GAPS) for _ in range(rng.randint(1, 6))]
        text = "".join(parts).replace("\r", "\n")
        wrong, *told = page.evaluate(DRAW, list(frames(pieces(text, rng, rng.choice([1, 3, 30])))))
        assert wrong is None, (text, told)


@pytest.mark.parametrize("kind", LONG)
def test_a_long_block_is_drawn_as_it_is(page: Page, kind: str) -> None:
    sent = list(frames(pieces(LONG[kind], random.Random(1), 900)))
    wrong, *told = page.evaluate(DRAW, sent)
    assert wrong is None, told
    assert told[0] > 10


def test_a_formula_is_typeset_once_however_its_block_grows(page: Page) -> None:
    text = "- \\(a\\) and \\(a\\)\n- words\n\n  that make the list loose \\[b\\] and more"
    wrong, _, _, typeset = page.evaluate(DRAW, list(frames(text)))
    assert wrong is None
    assert sorted(typeset) == ["\\(a\\)", "\\(a\\)", "\\[b\\]"]


MEDDLE = """
([frames, meddled]) => {
  const root = document.body.appendChild(document.createElement("div"));
  const drawer = new Pane(root);
  let state = pane(0);
  for (const frame of frames) {
    state = patched(state, frame);
    drawer.draw(state);
    const word = document.createTreeWalker(root, NodeFilter.SHOW_TEXT).nextNode();
    const mark = document.createElement(meddled);
    word.splitText(2);
    word.replaceWith(mark);
    mark.append(word);
  }
  return root.textContent;
}
"""


@pytest.mark.parametrize("tag", ["mark", "font"])
def test_what_others_did_to_the_page_loses_no_word(page: Page, tag: str) -> None:
    """As a search in outputs and a browser's translation do."""
    text = "one two *three* four five **six** seven"
    sent = list(frames(text.split(" ")))
    assert page.evaluate(MEDDLE, [sent, tag]).strip() == "onetwothreefourfivesixseven"
    sent = list(frames(f"{word} " for word in text.split(" ")))
    assert page.evaluate(MEDDLE, [sent, tag]).strip() == "one two three four five six seven"
