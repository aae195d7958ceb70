"""Events become a value: the event vocabulary, the reply, its usage."""

from hermes_magic.reply.builder import Progress, ReplyBuilder
from hermes_magic.reply.events import (
    Booked,
    Done,
    Event,
    Failed,
    Finished,
    Notice,
    Replayed,
    Rethought,
    Retrying,
    Started,
    Text,
    Thought,
    ToolDelta,
    UsageReported,
)
from hermes_magic.reply.reply import (
    OFFLINE_DEMO,
    WRITTEN_BY_HAND,
    Reply,
    Settlement,
    Timing,
    ToolCall,
)
from hermes_magic.reply.usage import Usage

__all__ = [
    "OFFLINE_DEMO",
    "WRITTEN_BY_HAND",
    "Booked",
    "Done",
    "Event",
    "Failed",
    "Finished",
    "Notice",
    "Progress",
    "Replayed",
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
    "ToolDelta",
    "Usage",
    "UsageReported",
]
