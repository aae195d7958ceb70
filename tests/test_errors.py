"""The error tree: one line each, data as attributes, and what a loop may swallow."""

import copy
import pickle
from collections.abc import Iterator

import pytest

from hermes_magic import errors
from hermes_magic.errors import Failure, HermesError, OptionError, RateLimitError, Stopped


def tree(root: type[Failure] = Failure) -> Iterator[type[Failure]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


KINDS = [kind for kind in tree() if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_shows_itself_on_one_line(kind: type[Failure]) -> None:
    error = kind("It broke.")
    (shown,) = error._render_traceback_()
    assert shown == f"{kind.__name__}: {error}"
    assert str(error) == f"It broke. {kind.default_hint}".strip()
    assert "\n" not in shown


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_stands_in_the_tree_of_the_docstring(kind: type[Failure]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize("kind", [one for one in KINDS if not one.__subclasses__()])
def test_each_leaf_says_what_to_do_unless_its_raiser_does(kind: type[Failure]) -> None:
    assert kind.default_hint.endswith((".", "%hermes offline")) or kind in {OptionError, Stopped}


def test_a_hint_can_be_given_or_left_out() -> None:
    assert str(RateLimitError("Full.", hint="Go.")) == "Full. Go."
    assert str(RateLimitError("Full.", hint="")) == "Full."


def test_data_are_attributes_and_survive_a_copy() -> None:
    error = RateLimitError(
        "Full.", status=429, code="x", provider="P", retry_after=2.5, affordable=9
    )
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own
        assert (one.status, one.code, one.provider) == (429, "x", "P")
        assert (one.retry_after, one.affordable, one.reply) == (2.5, 9, None)
        assert str(one) == str(error)


def test_a_stop_is_an_interrupt_that_no_loop_swallows() -> None:
    assert issubclass(Stopped, KeyboardInterrupt)
    assert not issubclass(Stopped, Exception)
    assert issubclass(HermesError, Exception)
    assert not issubclass(HermesError, KeyboardInterrupt)
