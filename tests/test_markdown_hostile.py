from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermes_magic.view.blocks import BlockStream
from hermes_magic.view.markdown import plain_markdown, render
from hermes_magic.view.sanitize import (
    ATTRIBUTES,
    LINK_REL,
    TAGS,
    URL_SCHEMES,
    attribute_values,
    classes,
)

PAYLOADS = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//x></sCrIpT>",
    "<script\n>alert(1)</script\n>",
    "<<script>alert(1)//<</script>",
    "<img src=x onerror=alert(1)>",
    "<img/src='x'/onerror=alert(1)>",
    "<img src=`x` onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x>",
    "<svg><use href='data:image/svg+xml,x'></svg>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)></style></mglyph></math>",
    "<math href='javascript:alert(1)'>x</math>",
    "<math><maction actiontype='statusline#http://x' xlink:href='javascript:alert(1)'>x",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<form action='http://x'><input name=y><button>z</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<style>@import 'http://x';</style>",
    "<div style='background:url(http://x)'>",
    "<link rel=stylesheet href='http://x'>",
    "<base href='http://x'>",
    "<meta http-equiv=refresh content='0;url=http://x'>",
    "<object data='http://x'></object>",
    "<embed src='http://x'>",
    "<video src='http://x' autoplay onplay=alert(1)>",
    "<audio src='http://x'>",
    "<source srcset='http://x'>",
    "<body onload=alert(1) background='http://x'>",
    "<details open ontoggle=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<textarea></textarea><script>alert(1)</script>",
    "<a href=x data-commandlinker-command='terminal:open' data-commandlinker-args='{}'>x</a>",
    "<button data-commandlinker-command='notebook:run-all'>x</button>",
    "<a id=x name=y href='javascript:alert(1)'>x</a>",
    "<img id=getElementById name=body>",
    "</p></div></div><script>alert(1)</script>",
    "</code></pre><script>alert(1)</script>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "`</code><script>alert(1)</script>`",
    "<!-- --><script>alert(1)</script><!-- -->",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?><!DOCTYPE x>",
    "<x-widget onclick=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](< javascript:alert(1)>)",
    "[x](\x01javascript:alert(1))",
    "[x](\u00a0javascript:alert(1))",
    "[x](java\\script:alert(1))",
    "[x](vbscript:msgbox)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/lab?reset)",
    "[x](#id)",
    "[x](blob:http://x)",
    "[x](view-source:http://x)",
    '[x](http://x"onclick=alert(1)//)',
    "[x](http://x 'title\" onclick=alert(1)')",
    "[x](http://x'onmouseover='alert(1))",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[x][y]\n\n[y]: <data:text/html,x> 'z'",
    "[y]:\n javascript:alert(1)\n\n[y]",
    "![x](http://x/beacon.png?secret)",
    "![x](javascript:alert(1))",
    '![x"onerror=alert(1)](http://x)',
    "![<script>alert(1)</script>](http://x)",
    "![x][y]\n\n[y]: http://x/beacon.png",
    '[![x](http://y "a" onload=alert(1))](javascript:alert(1))',
    "[![[![x](http://a)](http://b)](http://c)](http://d)",
    "[a [b](http://x) c](http://y)",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    '<http://x?"onclick=alert(1)>',
    "<http://x\u202e>",
    '<mailto:a@b?subject="><script>>',
    '```"><script>alert(1)</script>\nx\n```',
    '```python" onclick="alert(1)\nx\n```',
    "```python onload=alert(1) class=jp-x\nx\n```",
    "~~~<img src=x onerror=alert(1)>\nx\n~~~",
    "```html\n<script>alert(1)</script>\n```",
    "$\\href{javascript:alert(1)}{x}$",
    "\\[\\require{html}\\style{background:url(http://x)}{x}\\]",
    '\\(\\cssId{x" onclick="alert(1)}{y}\\)',
    "$</span><script>alert(1)</script>$",
    "$$\n</div><img src=x onerror=alert(1)>\n$$",
    "\\begin{align}</div><script>alert(1)</script>\\end{align}",
    "$\\def\\x{<script>}$",
    "| <script> | `|` |\n|---|---|\n| <img src=x onerror=alert(1)> | [x](javascript:y) |",
    '| a |\n|:-:" onclick="alert(1)|\n| b |',
    "[^1]\n\n[^1]: <script>alert(1)</script> [x](javascript:y)",
    '[^"><script>]\n\n[^"><script>]: x',
    "- [x] <script>alert(1)</script>\n- [ ] [x](javascript:y)",
    '1" onclick="alert(1). x',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&#0;&#x202e;&#xD800;&#x110000;&NotAnEntity;",
    "\ue000<script>\ue000",
    "\0<script\0>alert(1)</script>",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "\ud83d<script>\udc00",
    "\uff1cscript\uff1ealert(1)",
    "**<b>*</b>*<i>**</i>",
    "> <script>\n> alert(1)\n> </script>",
    "    <script>alert(1)</script>",
    "http://x/<script>",
    "www.example.org javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
)
LARGE = {
    "quotations": ">" * 10_000 + "x",
    "stars": "*" * 10_000 + "x",
    "star words": "*a " * 10_000,
    "brackets": "[" * 10_000,
    "closed brackets": "[" * 5_000 + "]" * 5_000,
    "half links": "[a](" * 5_000,
    "half images": "![" * 5_000,
    "angles": "<" * 10_000,
    "comments": "<!--" * 5_000,
    "dollars": "$a " * 10_000,
    "rounds": "\\(" * 10_000,
    "squares": "\\[\n" * 5_000,
    "environments": "\\begin{align}\n" * 2_000,
    "backticks": "".join("`" * (n % 100) + "a" for n in range(500)),
    "lists": "- " * 10_000,
    "steps": "".join(" " * (2 * n) + "- a\n" for n in range(300)),
    "quoted lists": "> - " * 2_000,
    "pipes": "|" * 5_000 + "\n" + "|-" * 5_000,
    "definitions": "".join(f"[a{n}]: http://b\n" for n in range(2_000)),
    "footnotes": "[^1]" * 2_000 + "\n\n[^1]: x[^1]",
    "tags": "<a href='x' " * 5_000,
    "no line end": "x" * 1_000_000,
    "no line end, words": "words " * 50_000,
}


class Found(HTMLParser):
    """Collects whatever is not on the allow list."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.odd: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.odd.append(tag)
        for name, value in attrs:
            if not is_allowed(tag, name, value or ""):
                self.odd.append((tag, name, value))

    def handle_comment(self, data: str) -> None:
        self.odd.append(data)

    def handle_decl(self, decl: str) -> None:
        self.odd.append(decl)

    def handle_pi(self, data: str) -> None:
        self.odd.append(data)


def is_allowed(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return set(value.split()) <= classes().get(tag, set())
    if name == "href":
        return tag == "a" and value.split(":", maxsplit=1)[0].lower() in URL_SCHEMES
    if name == "start":
        return tag == "ol" and value.isdecimal()
    if (tag, name) == ("a", "rel"):
        return value == LINK_REL
    return value in attribute_values().get(tag, {}).get(name, set())


def streamed(text: str, step: int) -> list[str]:
    stream, html = BlockStream(), []
    for start in range(0, len(text), step):
        stream.feed(text[start : start + step])
        drawn = stream.draw()
        html += [*drawn.closed, drawn.open]
    last = stream.draw(final=True)
    return [*html, *last.closed, last.open]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("where", ["{}", "a {} b", "- x\n  {}", "> {}", "# {}", "**{}**"])
def test_nothing_gets_through(payload: str, where: str) -> None:
    text = where.replace("{}", payload)

    assert Found(render(text)).odd == []
    assert Found(render(text, breaks=True)).odd == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_gets_through_in_pieces(payload: str) -> None:
    for html in streamed(f"x\n\n{payload}\n\ny {payload}", 3):
        assert Found(html).odd == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_portable_markdown_is_harmless_to_a_careful_program(payload: str) -> None:
    plain = plain_markdown(f"a {payload}\n\n{payload}")

    assert Found(render(plain)).odd == []
    assert "![" not in plain.replace("\\![", "")


@pytest.mark.parametrize("kind", LARGE)
def test_large_and_deep_text_is_rendered(kind: str) -> None:
    assert Found(render(LARGE[kind])).odd == []


@pytest.mark.parametrize("kind", LARGE)
def test_large_and_deep_text_is_streamed(kind: str) -> None:
    for html in streamed(LARGE[kind], len(LARGE[kind]) // 3 + 1):
        assert Found(html).odd == []


@pytest.mark.parametrize("kind", LARGE)
def test_large_and_deep_text_is_made_portable(kind: str) -> None:
    assert plain_markdown(LARGE[kind])


def test_the_lists_name_nothing_that_runs_or_loads() -> None:
    assert not TAGS & {"script", "style", "img", "iframe", "input", "svg", "math", "object", "form"}
    names = {name for attributes in ATTRIBUTES.values() for name in attributes}
    names |= {name for values in attribute_values().values() for name in values}
    assert names == {"href", "start", "target", "align", "title"}


fragments = st.sampled_from(
    [*PAYLOADS, "\n", "\n\n", " ", "`", "```", "$", "$$", "\\(", "\\)", "<", ">", "[", "](", "*"]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(fragments, max_size=8).map("".join))
def test_nothing_gets_through_in_any_mixture(text: str) -> None:
    assert Found(render(text)).odd == []
    assert all(Found(html).odd == [] for html in streamed(text, 7))


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_is_an_error(text: str) -> None:
    assert Found(render(text)).odd == []
    assert isinstance(plain_markdown(text), str)


def test_a_million_characters_of_mixtures_hold_nothing_else_than_the_lists_allow() -> None:
    fed = 0

    @settings(deadline=None, max_examples=330, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(fragments | st.text(max_size=40), min_size=180, max_size=220).map("".join))
    def check(text: str) -> None:
        nonlocal fed
        fed += len(text)
        assert Found(render(text)).odd == []
        assert all(Found(html).odd == [] for html in streamed(text, len(text) // 4))

    check()
    assert fed >= 1_000_000
