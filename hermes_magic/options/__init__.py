"""The magic line's grammar: one table drives parser, help text and defaults.

The table is the dataclass `Options`: each field holds its flags, its check and its help, so a new
option is one new field. Words are quoted as in a shell; nothing is abbreviated or guessed.
"""

from hermes_magic.options.convert import HERMES_4_405B, SHORT_NAMES, Convert, OneOf, usd
from hermes_magic.options.cursor import Spot, flags, spot
from hermes_magic.options.each import Options
from hermes_magic.options.line import check, nearest, parse
from hermes_magic.options.page import help_text
from hermes_magic.options.request import Thoughts
from hermes_magic.options.rows import FLAGS, TABLE, Row
from hermes_magic.options.spec import Spec

__all__ = [
    "FLAGS",
    "HERMES_4_405B",
    "SHORT_NAMES",
    "TABLE",
    "Convert",
    "OneOf",
    "Options",
    "Row",
    "Spec",
    "Spot",
    "Thoughts",
    "check",
    "flags",
    "help_text",
    "nearest",
    "parse",
    "spot",
    "usd",
]
