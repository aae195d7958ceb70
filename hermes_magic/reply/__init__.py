"""Events become a value: the event vocabulary, the reply, its usage."""

from hermes_magic.reply.builder import Progress, ReplyBuilder
from hermes_magic.reply.events import (
    Booked,
    Done,
    Event,
    Failed,
    Finished,
    Notice,
    Rethought,
    Retrying,
    Started,
    Text,
    Thought,
    ToolCalled,
    ToolDelta,
    ToolRan,
    UsageReported,
)
from hermes_magic.reply.reply import OFFLINE_DEMO, Reply, Settlement, Timing, ToolCall, ToolStep
from hermes_magic.reply.usage import Usage

__all__ = [
    "OFFLINE_DEMO",
    "Booked",
    "Done",
    "Event",
    "Failed",
    "Finished",
    "Notice",
    "Progress",
    "Reply",
    "ReplyBuilder",
    "Rethought",
    "Retrying",
    "Settlement",
    "Started",
    "Text",
    "Thought",
    "Timing",
    "ToolCall",
    "ToolCalled",
    "ToolDelta",
    "ToolRan",
    "ToolStep",
    "Usage",
    "UsageReported",
]
