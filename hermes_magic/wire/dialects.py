"""How each kind of server wants the same request said.

Bodies come in OpenRouter's terms. What a kind renames, adds or leaves out stands in its
`Dialect`; nothing else differs, for `wire.chunks` reads every kind's replies.

`tools`: vLLM (with --enable-auto-tool-choice --tool-call-parser hermes; without, it answers 400),
SGLang (--tool-call-parser qwen25), llama.cpp (--jinja), Ollama (if the model's template has them,
else 400) and LM Studio take them. OpenRouter lists none for Hermes 4, and Nous Portal's are not
documented: there Hermes's own prompt form is used, which any server with the model understands.

Sources, November 2026: vLLM's and SGLang's pages on reasoning outputs (`chat_template_kwargs`),
the sources of llama.cpp's server (`server-schema.cpp`) and of Ollama (`openai/openai.go`,
`server/routes.go`), LM Studio's list of payload parameters, and for Nous Portal the page of the
editor Continue on it. Hermes 4's chat template calls its switch `thinking`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

from hermes_magic.options import HERMES_4_405B

HERMES_4_70B = "nousresearch/hermes-4-70b"

# Model card of Hermes 4, in the words of which it was trained.
THINKING_PROMPT = (
    "You are a deep thinking AI, you may use extremely long chains of thought to deeply consider "
    "the problem and deliberate with yourself via systematic reasoning processes to help come to "
    "a correct solution prior to answering. You should enclose your thoughts and internal "
    "monologue inside <think> </think> tags, and then provide your solution or response to the "
    "problem."
)

ROUTING = frozenset({"models", "provider"})
"""Fields that mean something to OpenRouter alone."""


class Thinking(Enum):
    """How thinking is switched on."""

    REASONING = auto()  # OpenRouter's `reasoning` object
    TEMPLATE = auto()  # an argument of the model's chat template
    PROMPT = auto()  # Hermes's own system prompt
    PROMPT_OR_EFFORT = auto()  # the system prompt; `reasoning_effort` switches off


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server.

    Attributes:
        thinking: how thinking is switched on.
        renamed: fields that have another name there.
        unknown: fields that it does not take.
        all_tokens: what `top_k` must be for all tokens.
        names: what models are called there, by OpenRouter's slug.
        asks_usage: whether usage comes only if the request asks for it.
        tools: whether it takes `tools` and turns a model's calls into `tool_calls`, if it was
            started so; what comes back as text all the same is read as Hermes writes it.
    """

    thinking: Thinking
    renamed: Mapping[str, str] = field(default_factory=dict)
    unknown: frozenset[str] = ROUTING
    all_tokens: int = 0
    names: Mapping[str, str] = field(default_factory=dict)
    asks_usage: bool = True
    tools: bool = False

    def adapt(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Say a body of OpenRouter's in this dialect; the given one stays as it is."""
        out = {self.renamed.get(key, key): value for key, value in body.items()}
        for key in self.unknown:
            out.pop(key, None)
        if "model" in out:
            out["model"] = self.names.get(out["model"], out["model"])
        if out.get("top_k") == 0:
            out["top_k"] = self.all_tokens
        if self.asks_usage:
            out.setdefault("stream_options", {"include_usage": True})
        if self.thinking is not Thinking.REASONING:
            reasoning = out.pop("reasoning", None)
            self._think(out, on=isinstance(reasoning, Mapping) and bool(reasoning.get("enabled")))
        return out

    def _think(self, out: dict[str, Any], *, on: bool) -> None:
        if self.thinking is Thinking.TEMPLATE:
            own = out.get("chat_template_kwargs")
            own = own if isinstance(own, Mapping) else {}
            out["chat_template_kwargs"] = {"thinking": on, **own}
        elif on:
            out["messages"] = _told_to_think(out.get("messages", []))
        elif self.thinking is Thinking.PROMPT_OR_EFFORT:
            out.setdefault("reasoning_effort", "none")


def _told_to_think(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put Hermes's own words before the system prompt, or make them the system prompt."""
    begin = messages[0] if messages else {}
    if begin.get("role") != "system":
        return [{"role": "system", "content": THINKING_PROMPT}, *messages]
    content = f"{THINKING_PROMPT}\n\n{begin['content']}"
    return [{**begin, "content": content}, *messages[1:]]


_AT_HUGGING_FACE = {
    HERMES_4_405B: "NousResearch/Hermes-4-405B",
    HERMES_4_70B: "NousResearch/Hermes-4-70B",
}
_LLAMA_CPP_NAMES = {"repetition_penalty": "repeat_penalty"}

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "openrouter": Dialect(Thinking.REASONING, unknown=frozenset(), asks_usage=False),
        "nous": Dialect(
            Thinking.PROMPT,
            names={HERMES_4_405B: "Hermes-4-405B", HERMES_4_70B: "Hermes-4-70B"},
        ),
        "vllm": Dialect(Thinking.TEMPLATE, all_tokens=-1, names=_AT_HUGGING_FACE, tools=True),
        "sglang": Dialect(Thinking.TEMPLATE, all_tokens=-1, names=_AT_HUGGING_FACE, tools=True),
        # It serves one model and does not look at the name.
        "llama.cpp": Dialect(Thinking.TEMPLATE, renamed=_LLAMA_CPP_NAMES, tools=True),
        # Where a build of Hermes does not declare thinking, `reasoning_effort` is refused with a
        # 400, unless it is "none"; where it does, Ollama thinks unless told not to.
        "ollama": Dialect(
            Thinking.PROMPT_OR_EFFORT,
            unknown=ROUTING | {"top_k", "repetition_penalty"},
            names={HERMES_4_405B: "hermes4:405b", HERMES_4_70B: "hermes4:70b"},
            tools=True,
        ),
        "lmstudio": Dialect(Thinking.PROMPT, renamed=_LLAMA_CPP_NAMES, tools=True),
    }
)
