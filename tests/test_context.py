"""Things are described the way a person would, within their allowance, cut visibly."""

import dataclasses
import functools
import json
import math
import subprocess
import sys
import tracemalloc
import types
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_magic.errors import AttachmentError, OptionError
from hermes_magic.prompt.context import MIN_ALLOWANCE, Attachment, combine, describe

pd: Any = pytest.importorskip("pandas")
pa: Any = pytest.importorskip("pyarrow")
linear_model: Any = pytest.importorskip("sklearn.linear_model")
neighbors: Any = pytest.importorskip("sklearn.neighbors")
pipeline: Any = pytest.importorskip("sklearn.pipeline")
preprocessing: Any = pytest.importorskip("sklearn.preprocessing")

CITIES = {
    "city": ["Oslo", "Rome", None, "Oslo"],
    "people": [709_000, 2_750_000, 10, 12],
    "height": [23.0, None, 4.5, 1.0],
    "capital": [True, True, False, False],
}
PANDAS = pd.DataFrame(CITIES)
POLARS = pl.DataFrame(CITIES)
ARROW = pa.table(CITIES)


def told(value: object, allowance: int = 2000) -> Attachment:
    return describe("it", value, allowance=allowance)


def text(value: object, allowance: int = 2000) -> str:
    return told(value, allowance).text


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (PANDAS, "pandas DataFrame"),
        (POLARS, "polars DataFrame"),
        (ARROW, "pyarrow Table"),
        (ARROW.to_batches()[0], "pyarrow RecordBatch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_frame_is_size_types_missing_summary_and_rows(frame: object, kind: str) -> None:
    attachment = told(frame)
    assert attachment.kind == f"{kind}, 4 rows by 4 columns"
    lines = attachment.text.split("\n")
    city, people, height, capital = lines[:4]
    assert city.startswith("city: ")
    assert "1 missing; 2 distinct: Oslo (2 times), Rome (1 times)" in city
    assert "int64; min 10, median 354506, mean 864756, max 2750000" in people.lower()
    assert "1 missing; min 1, median 4.5, mean 9.5, max 23" in height
    assert "2 distinct: True (2 times), False (2 times)" in capital
    assert lines[4:] == [
        "First rows as CSV:",
        "city,people,height,capital",
        "Oslo,709000,23,True",
        "Rome,2750000,,True",
        ",10,4.5,False",
        "Oslo,12,1,False",
    ]
    assert attachment.omitted == ()


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (PANDAS["people"], "pandas Series, 4 rows by 1 column"),
        (POLARS["people"], "polars Series, 4 rows by 1 column"),
        (ARROW["people"], "pyarrow ChunkedArray, 4 rows by 1 column"),
        (pa.array([1, 2]), "pyarrow Int64Array, 2 rows by 1 column"),
        (pd.Index([1, 2], name="i"), "pandas Index"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_series_is_a_frame_of_one_column(column: object, kind: str) -> None:
    attachment = told(column)
    assert attachment.kind.startswith(kind)
    assert "min " in attachment.text


def test_a_lazy_frame_is_not_collected() -> None:
    def fail(_: Any) -> Any:
        raise AssertionError("collected")

    lazy = POLARS.lazy().map_batches(fail, schema=POLARS.schema)
    attachment = told(lazy)
    assert attachment.kind == "polars LazyFrame, not collected, 4 columns"
    assert "people: Int64" in attachment.text


def test_an_index_with_a_meaning_is_named() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert "index key from x to y" in told(frame).kind


def test_odd_frames() -> None:
    same = pd.DataFrame([[1, 2]], columns=["a", "a"])
    assert "a: int64" in text(same)
    many = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))
    assert "('a', 'b')" in text(many)
    assert told(pd.DataFrame()).kind == "pandas DataFrame, 0 rows by 0 columns"
    assert "a: " in text(pd.DataFrame({"a": []}))
    nested = pd.DataFrame({"a": [[1], {"b": 2}, None], "t": pd.to_datetime(["2026-01-01"] * 3)})
    assert "e.g. [1]" in text(nested)
    assert "from 2026-01-01T00:00:00" in text(nested)
    assert "all missing" in text(pd.DataFrame({"a": [None, math.nan]}))
    assert "1 missing" in text(pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}))


def test_a_wide_frame_leaves_out_columns_and_says_so() -> None:
    wide = pd.DataFrame({f"column_{i}": range(50) for i in range(500)})
    attachment = told(wide, 500)
    assert len(attachment.text) <= 2000
    assert any("more columns" in each for each in attachment.omitted)
    assert any("more rows" in each for each in attachment.omitted)
    for each in attachment.omitted:
        assert f"[left out: {each}]" in attachment.text


def test_a_long_cell_is_cut_visibly() -> None:
    assert "…" in text(pd.DataFrame({"a": ["x" * 10_000]}))
    assert len(text(pd.DataFrame({"a": ["x" * 10_000]}))) < 500


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_ten_million_rows_are_not_copied(library: str) -> None:
    values = np.arange(10_000_000, dtype=np.int64)
    make: Any = {
        "pandas": lambda: pd.DataFrame({"a": values, "b": values}, copy=False),
        "polars": lambda: pl.DataFrame({"a": values, "b": values}),
        "pyarrow": lambda: pa.table({"a": values, "b": values}),
    }[library]
    frame = make()
    tracemalloc.start()
    attachment = told(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "10,000,000 rows" in attachment.kind
    assert "over 10,000 rows" in attachment.text
    assert peak < values.nbytes / 2


def test_a_sample_beats_with_no_period_of_the_data() -> None:
    frame = pd.DataFrame({"day": ["Mon", "Tue", "Wed", "Thu", "Fri"] * 100_000})
    assert "5 distinct" in text(frame)


def test_an_array_is_shape_type_and_summary() -> None:
    attachment = told(np.array([[1.0, 2.0], [math.nan, 4.0]]))
    assert attachment.kind == "NumPy array, shape (2, 2), dtype float64"
    assert "min 1, median 2, mean 2.33333, max 4" in attachment.text
    assert "1 of 4 values are NaN" in attachment.text
    assert "[1.0, 2.0]" in attachment.text


@pytest.mark.parametrize(
    "array",
    [np.array(5), np.array([]), np.array(["a", "b"]), np.array([None, {}], dtype=object),
     np.zeros((3, 4, 5)), np.array([1 + 2j]), np.ma.array([1, 2], mask=[False, True]),
     np.array([(1, "a")], dtype=[("x", int), ("y", "U1")]), np.zeros((0, 3)), np.array([True])],
    ids=str,
)  # fmt: skip
def test_arrays_of_all_kinds(array: Any) -> None:
    assert f"shape {array.shape}" in told(array).kind


def test_a_huge_array_is_sampled() -> None:
    array = np.broadcast_to(np.float64(1), (10_000, 10_000))
    assert "over 10,000 values" in text(array)


def documented(a: int, b: str = "x") -> str:
    """Do what is documented."""
    return b * a


@functools.cache
def wrapped() -> int:
    return 42


class Documented:
    """A class with a method."""

    def method(self) -> int:
        """Give seven."""
        return 7


def test_code_is_its_source() -> None:
    assert text(documented).startswith("def documented(a: int")
    assert "return b * a" in text(documented)
    assert "return 42" in text(wrapped)
    assert text(Documented).startswith("class Documented:")
    assert "return 7" in text(Documented().method)
    assert told(documented).language == "python"


def test_code_without_source_is_its_signature_and_docstring() -> None:
    attachment = told(math.hypot)
    assert attachment.kind == "function, without source"
    assert "Euclidean" in attachment.text
    made = type("Made", (Documented,), {"__doc__": "Made here.", "f": documented})
    assert "class Made(Documented):\n    Made here.\n" in text(made)
    assert "return b * a" in text(made)


def test_a_module_is_its_names_and_no_variable_s_value() -> None:
    module = types.ModuleType("mine", "What it does.\n\nAt length.")
    module.__dict__.update(SECRET="hunter2", helper=documented, _hidden=1, Thing=Documented)
    attachment = told(module)
    assert "What it does." in attachment.text
    assert "SECRET: str" in attachment.text
    assert "hunter2" not in attachment.text
    assert "helper(a: int, b: str = 'x') -> str: Do what is documented." in attachment.text
    assert "class Thing" in attachment.text
    assert "_hidden" not in attachment.text
    assert "hypot" in text(math, 20_000)
    assert told(json).kind.startswith("module, version")


def test_a_dict_is_an_item_a_line() -> None:
    attachment = told({"a": 1, "b": [1, 2], "frame": PANDAS})
    assert attachment.kind == "dict of 3 items"
    assert attachment.text == "'a': 1\n'b': [1, 2]\n'frame': pandas DataFrame, 4 rows by 4 columns"


def test_a_long_container_says_how_much_is_left_out() -> None:
    attachment = told(list(range(1_000_000)), 100)
    assert attachment.kind == "list of 1,000,000 items"
    shown = attachment.text.split("\n")
    assert shown[:2] == ["0", "1"]
    assert shown[-1] == f"[left out: {1_000_000 - len(shown) + 1:,} more items]"


def test_a_container_that_holds_itself() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "..." in text(loop)


def test_an_estimator_is_its_parameters_and_what_it_learned() -> None:
    model = linear_model.LinearRegression()
    assert told(model).kind == "LinearRegression, not fitted"
    model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    attachment = told(model)
    assert attachment.kind == "LinearRegression, fitted"
    assert "coef_: [2" in attachment.text
    assert "intercept_: 1" in attachment.text


def test_an_estimator_s_training_data_are_not_sent() -> None:
    data = np.arange(400.0).reshape(200, 2) + 1_000_000
    model = neighbors.KNeighborsClassifier().fit(data, [0, 1] * 100)
    assert "classes_: [0, 1]" in text(model)
    assert "1000399" not in text(model)


def test_a_pipeline_is_its_steps() -> None:
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LinearRegression())
    model.fit([[0.0], [1.0]], [0.0, 1.0])
    assert "standardscaler.mean_: [0.5]" in text(model)
    assert "linearregression.coef_:" in text(model)


def test_a_path_is_read_as_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("\ufeffx = 'é'\n", encoding="utf-8")
    attachment = told(path)
    assert attachment.text == "x = 'é'"
    assert attachment.kind == "file, 12 bytes"
    assert attachment.language == "python"


def test_a_string_is_text_and_never_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("secret")
    assert text(str(path)) == str(path)


def test_a_long_file_is_cut_at_a_line_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("".join(f"line {number}\n" for number in range(100_000)))
    attachment = told(path, 100)
    *kept, note = attachment.text.split("\n")
    assert kept == [f"line {number}" for number in range(len(kept))]
    assert "of 1,088,890 bytes" in note


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\xff\xfe\x00", "not a text file"), (b"a\x00b", "not a text file")]
)
def test_a_binary_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "b.bin"
    path.write_bytes(content)
    with pytest.raises(AttachmentError, match=reason):
        told(path)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path):
        with pytest.raises(AttachmentError, match=r"--with .*cannot be read") as caught:
            told(path)
        assert isinstance(caught.value, OptionError)
        assert "\n" not in str(caught.value)


class ForModels:
    def _repr_llm_(self) -> str:
        return "for models"

    def _repr_markdown_(self) -> str:
        return "for people"


class ForPeople:
    def _repr_markdown_(self) -> tuple[str, dict[str, str]]:
        return "for **people**", {}


class Silent:
    def _repr_llm_(self) -> None:
        return None

    def __repr__(self) -> str:
        return "Silent()"


class Broken:
    def __repr__(self) -> str:
        raise ValueError("no\nrepr")


@dataclasses.dataclass
class Plain:
    a: int = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ForModels(), "for models"),
        (ForPeople(), "for **people**"),
        (Silent(), "Silent()"),
        (Plain(), "Plain(a=1)"),
        (5, "5"),
        (None, "None"),
        ("a\nb", "a\nb"),
        (b"abc", "b'abc'"),
        (MagicMock(name="x", spec_set=[]), "<MagicMock"),
    ],
)
def test_else_it_speaks_for_itself(value: object, expected: str) -> None:
    assert text(value).startswith(expected)


def test_a_frame_may_speak_for_itself() -> None:
    class Mine(pd.DataFrame):  # type: ignore[misc]
        def _repr_llm_(self) -> str:
            return "my own words"

    assert text(Mine({"a": [1]})) == "my own words"


def test_a_class_with_words_for_its_instances_is_shown_as_code() -> None:
    assert text(ForModels).startswith("class ForModels:")


def test_what_cannot_be_described_is_one_line() -> None:
    with pytest.raises(AttachmentError, match="--with it: it cannot be described") as caught:
        told(Broken())
    assert "\n" not in str(caught.value)


def test_a_block_s_fence_is_longer_than_any_inside() -> None:
    attachment = Attachment("x", "text", "````\ncode\n````")
    assert attachment.block.startswith("`x` (text):\n`````\n")
    assert attachment.block.endswith("\n`````")


def test_attachments_stand_before_the_question() -> None:
    assert combine("Why?", [Attachment("x", "int", "5")]) == "`x` (int):\n```\n5\n```\n\nWhy?"
    assert combine("Why?", []) == "Why?"


def test_tokens_are_about_a_quarter_of_the_characters() -> None:
    attachment = Attachment("x", "int", "5" * 400)
    assert attachment.tokens == -(-len(attachment.block) // 4)


def test_nothing_is_imported_to_describe_a_thing() -> None:
    code = "from hermes_magic.prompt.context import describe; describe('x', [1], allowance=99)"
    script = (
        f"{code}; import sys; print({{'pandas','polars','pyarrow','numpy'}} & set(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter, a script of our own
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


values = st.recursive(
    st.none() | st.integers() | st.text() | st.floats() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.integers(1, 300))
def test_the_allowance_holds_and_nothing_is_left_out_silently(value: Any, allowance: int) -> None:
    attachment = told(value, allowance)
    assert len(attachment.text) <= 4 * max(allowance, MIN_ALLOWANCE)
    whole = told(value, 10**6)
    assert (attachment.text == whole.text) == (attachment.omitted == ())


@given(
    st.dictionaries(
        st.text(max_size=30),
        st.lists(st.integers() | st.none(), min_size=3, max_size=3),
        max_size=30,
    ),
    st.integers(1, 200),
)
def test_the_allowance_holds_for_frames(
    columns: dict[str, list[int | None]], allowance: int
) -> None:
    frame = pd.DataFrame(columns, dtype=object)
    assert len(text(frame, allowance)) <= 4 * max(allowance, MIN_ALLOWANCE)
