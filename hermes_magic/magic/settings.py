"""The traits of `HermesMagics`: each option's default, and the servers that a person defines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from traitlets import Any as AnyTrait
from traitlets import Bool, Dict, Float, Int, TraitError, TraitType, Unicode
from traitlets.config import Configurable

from hermes_magic import options as grammar
from hermes_magic.errors import OptionError
from hermes_magic.options.convert import OneOf, number
from hermes_magic.tape.choice import MODES
from hermes_magic.wire.roster import roster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermes_magic.options.convert import Convert


class SettingError(OptionError, TraitError):
    """A setting has a value that its option does not take; traitlets puts the old one back."""


class _Checked(TraitType[Any, Any]):
    """A trait that takes what its option takes on the magic line."""

    def validate(self, _obj: Any, value: Any) -> Any:
        try:
            return grammar.check(str(self.name), value)
        except OptionError as error:
            raise SettingError(error.message, hint=error.hint) from None


class _Converted(TraitType[Any, Any]):
    """A trait that takes what `convert` does."""

    convert: Convert

    def validate(self, _obj: Any, value: Any) -> Any:
        """Refuse what it does not take, on one line."""
        try:
            return self.convert(str(value))
        except ValueError as error:
            shown = str(value)[:40]
            raise SettingError(f"{self.name} takes {error}, not {shown!r}.") from None


class Usd(_Converted):
    """A trait that takes USD, or None for no limit."""

    convert = staticmethod(grammar.usd)


class TapeMode(_Converted):
    """A trait that takes a way to use a tape, or "" for the usual one."""

    convert = staticmethod(lambda word: word and OneOf(*MODES)(word))


class Speed(_Converted):
    """A trait that takes how many times as fast; 0 for at once."""

    convert = staticmethod(number(0, 1000))


class Servers(Dict):
    """A trait that takes definitions of servers."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Refuse a definition that is wrong, on one line."""
        try:
            roster(value)
        except OptionError as error:
            raise SettingError(error.message, hint=error.hint) from None
        return super().validate(obj, value)


_TRAITS: Mapping[type, type[TraitType[Any, Any]]] = {
    bool: Bool,
    int: Int,
    float: Float,
    str: Unicode,
}
TRAIT_ROWS = tuple(row for row in grammar.TABLE if row.spec.trait)


def _trait(row: grammar.Row) -> TraitType[Any, Any]:
    """Make a configurable trait of a row; `%config` shows its type by the class's name."""
    base = _TRAITS.get(type(row.default), AnyTrait)
    kind = type(base.__name__, (_Checked, base), {})
    return cast("TraitType[Any, Any]", kind(row.default, help=row.spec.help).tag(config=True))


Defaults: Any = type("Defaults", (Configurable,), {row.name: _trait(row) for row in TRAIT_ROWS})
