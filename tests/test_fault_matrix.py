"""Whatever a server or a network does: one line, nothing lost, nothing sent twice, no key.

Each row of `tests/faults` happens to a real cell in a real kernel; the table of them all stands in
pytest's summary.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults import bodies, network, statuses
from tests.faults.row import KEY, Fault
from tests.faults.stage import Stage, open_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAULTS = [*statuses.FAULTS, *bodies.FAULTS, *network.FAULTS]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_stage() as opened:
        yield opened


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_ends_as_it_should(
    stage: Stage, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    seen = stage.play(fault)
    shown = seen.outcome.line or "; ".join(("the answer", *fault.notes))
    record_property("fault", (fault.name, shown, seen.kept, seen.outcome.posts))
    assert seen.outcome == fault.outcome
    assert not seen.twice
    assert KEY not in seen.ran.text()
    assert seen.ran.stdout == ""
    for note in fault.notes:
        assert note in seen.ran.text()
    if fault.outcome.kept is not None:
        assert len(seen.ran.bundles()) == 1


def test_the_matrix_is_as_large_as_promised() -> None:
    names = Counter(fault.name for fault in FAULTS)
    assert names.most_common(1)[0][1] == 1
    assert len(names) >= 45
