"""At home in a real notebook: its values and things in the question."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hermes_magic.offline import Request, Response, Server
from hermes_magic.options import HERMES_4_405B
from tests.kernel import Kernel, Ran, running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

WHO = {"id": "gen-1", "model": HERMES_4_405B, "provider": "Nebius"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "cost": 0.001}


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {**WHO, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


class Scripted:
    """A server that gives the texts laid down, then "So."; it keeps what it was sent."""

    def __init__(self) -> None:
        self.next: list[str] = []
        self.finish = "stop"
        self.sent: list[Any] = []
        self.server = Server(self._respond)

    def _respond(self, request: Request) -> Response:
        if request.method == "GET":
            return Response.json({"error": {"code": 404, "message": "Not found"}}, status=404)
        self.sent.append(request.json)
        text = self.next.pop(0) if self.next else "So."
        end = {**WHO, "choices": [], "usage": USAGE}
        parts = [chunk(reasoning="Hm."), chunk(content=text)]
        parts.append(chunk(self.finish, content=""))
        if self.finish == "error":
            parts[-1]["error"] = {"code": 502, "message": "The provider broke down"}
        return Response.sse([*parts, end])

    @property
    def question(self) -> str:
        """The last message of the last request."""
        return str(self.sent[-1]["messages"][-1]["content"])


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    script = Scripted()
    with script.server:
        yield script


@pytest.fixture
def scripted(server: Scripted) -> Scripted:
    server.next, server.sent, server.finish = [], [], "stop"
    return server


@pytest.fixture(scope="module")
def kernel(server: Scripted) -> Iterator[Kernel]:
    environment = {"OPENROUTER_BASE_URL": server.server.base_url, "OPENROUTER_API_KEY": "sk-test"}
    with running_kernel(environment) as kernel:
        assert kernel.run("%load_ext hermes_magic").ok
        yield kernel


def shown(ran: Ran) -> str:
    """Give the HTML of all that a cell shows."""
    return "\n".join(str(bundle["text/html"]) for bundle in ran.bundles())


class TestVariables:
    def test_expressions_become_their_values(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("mean, names = 2 / 3, ['a', 'b']")
        assert kernel.run("%%hermes\n{{mean:.2f}} of {{names[0].upper()}}, {{names!r}}").ok
        assert scripted.question == "0.67 of A, ['a', 'b']"

    def test_expressions_on_the_line_too(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("mean = 2 / 3")
        assert kernel.run("%hermes Is {{mean:.1f}} much?").ok
        assert scripted.question == "Is 0.7 much?"

    def test_each_is_evaluated_once_and_its_braces_are_text(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(
            "calls, secret = [], 'x'\ndef tell():\n    calls.append(1)\n    return '{{secret}}'"
        )
        assert kernel.run("%%hermes\n{{tell()}}").ok
        assert scripted.question == "{{secret}}"
        assert kernel.value("len(calls)") == "1"

    def test_a_failing_one_is_a_line_and_nothing_is_sent(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run("total = 3")
        ran = kernel.run("%%hermes\nWhat is {{totl}}?")
        assert not ran.ok
        (line,) = ran.error["traceback"]
        assert "TemplateError: {{totl}}: NameError" in line
        assert "Did you mean total?" in line
        assert scripted.sent == []

    @pytest.mark.parametrize(
        ("line", "text", "sent"),
        [("--no-vars", "{{total}}", "{{total}}"), ("", r"\{{total}}", "{{total}}")],
    )
    def test_both_ways_out_send_the_braces(
        self, kernel: Kernel, scripted: Scripted, line: str, text: str, sent: str
    ) -> None:
        kernel.run("total = 3")
        assert kernel.run(f"%%hermes {line}\n{text}").ok
        assert scripted.question == sent

    def test_a_notebook_can_switch_it_off(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("total = 3\n%config HermesMagics.vars = False")
        try:
            kernel.run("%%hermes\n{{total}}")
            assert scripted.question == "{{total}}"
            kernel.run("%%hermes --vars\n{{total}}")
            assert scripted.question == "3"
        finally:
            kernel.run("%config HermesMagics.vars = True")

    def test_braces_left_alone_that_name_a_variable_are_told(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run("total = 3")
        ran = kernel.run("%%hermes -o answer\nWhat does `{{total}}` mean?")
        assert scripted.question == "What does `{{total}}` mean?"
        assert "Sent as it stands" in shown(ran)
        assert "{{total}}" in kernel.value("answer.notices")

    def test_a_dry_run_shows_the_values(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("total = 3")
        ran = kernel.run("%%hermes --dry-run\nIs {{total}} many, or `{{total}}`?")
        assert "Is 3 many, or `{{total}}`?" in ran.stdout
        assert "Sent as it stands" in ran.stdout
        assert scripted.sent == []

    def test_a_key_in_a_value_is_refused(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("pasted = 'sk-or-v1-' + '0123456789abcdef' * 4")
        ran = kernel.run("%%hermes\nIs {{pasted}} secret?")
        assert "PastedKeyError" in ran.error["traceback"][0]
        assert scripted.sent == []


def payload(ran: Ran) -> list[Mapping[str, object]]:
    """Give what a cell asks the front end to do."""
    return list(ran.reply.get("payload", []))


FRAME = "import pandas as pd\ndf = pd.DataFrame({'city': ['Ulm', 'Bonn'] * 50, 'n': range(100)})"


class TestWith:
    def test_what_is_named_is_described_before_the_question(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(f"{FRAME}\ndef area(r):\n    return 3.14 * r ** 2")
        assert kernel.run("%%hermes --with df,area\nDo they fit?").ok
        frame, _, rest = scripted.question.partition("`area` (")
        assert frame.startswith("`df` (")
        assert "city" in frame
        assert "return 3.14 * r ** 2" in rest
        assert rest.endswith("```\n\nDo they fit?")

    def test_it_may_be_repeated_and_a_file_is_read(
        self, kernel: Kernel, scripted: Scripted, tmp_path: Path
    ) -> None:
        notes = tmp_path / "notes.txt"
        notes.write_text("The pump failed at noon.")
        kernel.run("limits = {'low': 1}")
        assert kernel.run(f"%hermes --with limits --with {notes} Why?").ok
        assert "'low'" in scripted.question or "low: 1" in scripted.question
        assert "The pump failed at noon." in scripted.question

    def test_a_variable_comes_before_a_file_of_its_name(
        self, kernel: Kernel, scripted: Scripted, tmp_path: Path
    ) -> None:
        (tmp_path / "limits").write_text("the file")
        kernel.run(f"import os\nos.chdir({str(tmp_path)!r})\nlimits = 'the variable'")
        assert kernel.run("%hermes --with limits Why?").ok
        assert "the variable" in scripted.question
        assert "the file" not in scripted.question

    def test_an_attribute_is_described_and_nothing_is_called(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(f"{FRAME}\nclass Box:\n    inner = {{'deep': 7}}\nbox = Box()")
        assert kernel.run("%%hermes --with df.city,box.inner\nWhy?").ok
        column, _, rest = scripted.question.partition("`box.inner`")
        assert column.startswith("`df.city` (")
        assert "Bonn" in column
        assert "deep" in rest
        ran = kernel.run("%%hermes --with df.head()\nWhy?")
        (line,) = ran.error["traceback"]
        assert "AttachmentError: --with df.head(): no variable" in line
        assert "{{" in line
        assert len(scripted.sent) == 1

    @pytest.mark.parametrize(
        ("name", "says"),
        [("box.none", "--with box.none: no variable"), ("box.broken", "KeyError: 'gone'")],
    )
    def test_an_attribute_that_is_none_is_a_line(
        self, kernel: Kernel, scripted: Scripted, name: str, says: str
    ) -> None:
        kernel.run(
            "class Box:\n    @property\n    def broken(self):\n        raise KeyError('gone')\n"
            "box = Box()"
        )
        ran = kernel.run(f"%%hermes --with {name}\nWhy?")
        (line,) = ran.error["traceback"]
        assert "AttachmentError" in line
        assert says in line
        assert scripted.sent == []

    def test_a_comma_in_quotes_is_the_file_s(
        self, kernel: Kernel, scripted: Scripted, tmp_path: Path
    ) -> None:
        (tmp_path / "a,b.csv").write_text("one file")
        (tmp_path / "c d.txt").write_text("another")
        kernel.run(f"import os\nos.chdir({str(tmp_path)!r})\nlimits = 'the variable'\nlow = 7")
        assert kernel.run("%%hermes --with limits,'a,b.csv' --with=\"c d.txt\"\nWhy?").ok
        for text in ("the variable", "one file", "another"):
            assert text in scripted.question
        assert kernel.run("%%hermes --with 'limits, low'\nWhy?").ok
        assert "the variable" in scripted.question
        assert "7" in scripted.question

    def test_braces_in_what_is_attached_are_text(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run("secret, note = 'x', 'say {{secret}}'")
        assert kernel.run("%hermes --with note Why?").ok
        assert "say {{secret}}" in scripted.question

    def test_what_is_cut_is_told_in_the_text_and_below_it(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run("rows = [f'row number {n}' for n in range(1000)]")
        ran = kernel.run("%%hermes --with rows --with-tokens 100\nWhy?")
        assert "[left out:" in scripted.question
        assert len(scripted.question) < 600
        assert "rows was cut" in shown(ran)

    def test_a_name_of_nothing_is_a_line_and_nothing_is_sent(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run("frame = 1")
        ran = kernel.run("%%hermes --with frme\nWhy?")
        (line,) = ran.error["traceback"]
        assert "AttachmentError: --with frme: no variable and no file" in line
        assert "Did you mean frame?" in line
        assert scripted.sent == []

    def test_things_without_a_question_are_refused(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        ran = kernel.run("thing = 1\n%hermes --with thing")
        assert "There is no question" in ran.error["traceback"][0]
        assert scripted.sent == []

    @pytest.mark.parametrize("flag", ["--dry-run", "--show-prompt"])
    def test_the_prompt_is_shown_as_it_would_be_sent(
        self, kernel: Kernel, scripted: Scripted, flag: str
    ) -> None:
        kernel.run("limits = {'low': 1}")
        ran = kernel.run(f"%%hermes {flag} --with limits\nWhy?")
        assert scripted.sent == []
        head, _, rest = ran.stdout.partition("\n")
        body, _ = json.JSONDecoder().raw_decode(rest)
        kernel.run("%%hermes --with limits\nWhy?")
        assert head.startswith("POST ")
        assert body == scripted.sent[-1]
        assert "tokens in" in rest


class TestCode:
    TEXT = "So:\n```python\nran = 1\n```\nand\n\n- then\n  ```py\n  ran = 2\n  ```\nDone."

    def test_all_blocks_go_into_one_new_cell_and_nothing_runs(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = [self.TEXT]
        kernel.run("ran = 0")
        ran = kernel.run("%%hermes --code\nShow me.")
        assert payload(ran) == [
            {"source": "set_next_input", "text": "ran = 1\n\nran = 2", "replace": False}
        ]
        assert kernel.value("ran") == "0"

    def test_without_the_option_no_cell_comes(self, kernel: Kernel, scripted: Scripted) -> None:
        scripted.next = [self.TEXT]
        assert payload(kernel.run("%%hermes -o answer\nShow me.")) == []
        assert kernel.value("[str(block) for block in answer.code]") == "['ran = 1', 'ran = 2']"

    def test_what_is_not_python_is_left_out_and_told(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = ["```bash\npip install x\n```\n```python\nimport x\n```\n```\n42\n```"]
        ran = kernel.run("%%hermes --code\nShow me.")
        assert [each["text"] for each in payload(ran)] == ["import x"]
        assert "2 blocks are not in the new cell: bash, unnamed." in ran.stdout

    def test_an_answer_without_code_says_so(self, kernel: Kernel, scripted: Scripted) -> None:
        ran = kernel.run("%%hermes --code\nShow me.")
        assert payload(ran) == []
        assert "holds no code block" in ran.stdout
        assert len(scripted.sent) == 1

    def test_an_answer_that_was_cut_off_gives_no_cell(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next, scripted.finish = ["```python\nimport os\nos.rem"], "length"
        ran = kernel.run("%%hermes --code\nShow me.")
        assert payload(ran) == []
        assert "was cut off" in ran.stdout


CITY = "from dataclasses import dataclass\n@dataclass\nclass City:\n    name: str\n    people: int"
ULM = '```json\n{"name": "Ulm", "people": 128000}\n```'
WRONG = '{"name": "Ulm", "people": "many"}'
SPENDING = """
from decimal import Decimal
spending = %hermes cost
def spent(label):
    return next((row.usd for row in spending.rows() if label in row.label), Decimal(0))
"""


class TestStructure:
    def test_json_is_asked_for_and_read_out_of_a_fence(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = [ULM]
        assert kernel.run("%%hermes --json -s 'Be brief.' -o answer\nA city?").ok
        system = scripted.sent[-1]["messages"][0]["content"]
        assert system == "Be brief.\n\nYou are a helpful assistant that answers in JSON."
        assert kernel.value("_.data is answer.data") == "True"
        assert kernel.value("answer.data") == "{'name': 'Ulm', 'people': 128000}"
        assert kernel.value("answer.text") == ULM

    def test_a_schema_is_sent_and_the_data_is_built(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = [f"Here it is:\n{ULM}"]
        kernel.run(CITY)
        assert kernel.run("%%hermes --schema City -o answer\nA city?").ok
        system = scripted.sent[-1]["messages"][0]["content"]
        assert "<schema>" in system
        assert '"people"' in system
        assert kernel.value("answer.data") == "City(name='Ulm', people=128000)"

    def test_a_list_of_them_is_a_table(self, kernel: Kernel, scripted: Scripted) -> None:
        scripted.next = ['[{"name": "Ulm", "people": 1}, {"name": "Bonn", "people": 2}]']
        kernel.run(CITY)
        assert kernel.run("cities = %hermes --schema list[City] Two cities?").ok
        assert kernel.value("cities.to_frame().shape") == "(2, 2)"
        assert kernel.value("list(cities.to_frame()['name'])") == "['Ulm', 'Bonn']"

    def test_a_wrong_answer_is_asked_for_once_more_in_sight(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = [WRONG, ULM]
        kernel.run(CITY)
        ran = kernel.run("%%hermes --schema City -o answer\nA city?")
        assert ran.ok
        first, second = scripted.sent
        assert second["messages"][:-2] == first["messages"]
        assert second["messages"][-2] == {"role": "assistant", "content": WRONG}
        assert "$.people" in scripted.question
        assert len(ran.bundles()) == 2
        assert "Asked once more." in shown(ran)
        assert kernel.value("answer.data.people") == "128000"

    def test_both_requests_count_as_this_cell_s_cost(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = [WRONG, ULM]
        kernel.run(CITY)
        assert kernel.run("%%hermes --schema City\nA city?").ok
        assert kernel.run(SPENDING).ok
        assert kernel.value("spent('cell')") == "0.002"

    def test_a_second_wrong_one_is_a_typed_line_and_the_text_is_kept(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = [WRONG, "I cannot."]
        kernel.run(CITY)
        ran = kernel.run("%%hermes --schema City -o answer\nA city?")
        (line,) = ran.error["traceback"]
        assert "SchemaError: The answer holds no JSON." in line
        assert len(scripted.sent) == 2
        assert kernel.value("answer.text") == "I cannot."
        assert kernel.value("__import__('sys').last_value.text") == "I cannot."
        assert kernel.value("__import__('sys').last_value.reply is answer") == "True"

    def test_what_was_cut_off_is_not_asked_for_again(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        scripted.next, scripted.finish = ['{"name": "Ul'], "length"
        ran = kernel.run("%%hermes --json\nA city?")
        assert "raise --max-tokens" in ran.error["traceback"][0]
        assert len(scripted.sent) == 1

    def test_a_class_that_breaks_in_building_loses_no_answer(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(f"{CITY}\n    def __post_init__(self):\n        raise RuntimeError('no')")
        scripted.next = [ULM, ULM]
        ran = kernel.run("%%hermes --schema City -o answer\nA city?")
        assert "SchemaError" in ran.error["traceback"][0]
        assert "RuntimeError: no" in ran.error["traceback"][0]
        assert kernel.value("answer.text == " + repr(ULM)) == "True"

    @pytest.mark.parametrize(
        ("name", "expected"),
        [("Cty", "no variable has that name. Did you mean City?"), ("five", "--schema: ")],
    )
    def test_what_is_no_schema_is_a_line_and_nothing_is_sent(
        self, kernel: Kernel, scripted: Scripted, name: str, expected: str
    ) -> None:
        kernel.run(f"{CITY}\nfive = 5")
        ran = kernel.run(f"%%hermes --schema {name}\nA city?")
        (line,) = ran.error["traceback"]
        assert expected in line
        assert scripted.sent == []

    def test_the_instruction_is_part_of_the_prompt_shown(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        ran = kernel.run("%%hermes --show-prompt --json\nA city?")
        assert "answers in JSON" in ran.stdout
        assert scripted.sent == []


@pytest.fixture
def fresh(kernel: Kernel, scripted: Scripted) -> Kernel:
    """Give the kernel with no conversation."""
    assert scripted.sent == []
    kernel.run("%hermes forget")
    return kernel


def said(scripted: Scripted) -> list[str]:
    """Give what stands in the messages of the last request."""
    return [str(message["content"]) for message in scripted.sent[-1]["messages"]]


class TestChat:
    def test_a_follow_up_knows_what_came_before_without_the_thought(
        self, fresh: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = ["<b>Ulm</b>.", "No."]
        fresh.run("%%hermes --chat\nA city?", cell="a")
        fresh.run("%%hermes --chat -s Brief\nIs it big?", cell="b")
        assert said(scripted) == ["Brief", "A city?", "<b>Ulm</b>.", "Is it big?"]
        roles = [message["role"] for message in scripted.sent[-1]["messages"]]
        assert roles == ["system", "user", "assistant", "user"]
        assert "Hm." not in str(scripted.sent[-1])

    def test_a_cell_without_it_stands_alone(self, fresh: Kernel, scripted: Scripted) -> None:
        fresh.run("%%hermes --chat\nA city?", cell="a")
        fresh.run("%%hermes\nAlone?", cell="b")
        assert said(scripted) == ["Alone?"]
        fresh.run("%%hermes --chat\nMore?", cell="c")
        assert said(scripted) == ["A city?", "So.", "More?"]

    def test_a_cell_run_again_replaces_its_turn(self, fresh: Kernel, scripted: Scripted) -> None:
        scripted.next = ["1", "2", "3"]
        fresh.run("%%hermes --chat\nFirst?", cell="a")
        fresh.run("%%hermes --chat\nSecond?", cell="b")
        fresh.run("%%hermes --chat\nFirst, edited?", cell="a")
        assert said(scripted) == ["First, edited?"]
        fresh.run("%%hermes --chat\nThird?", cell="c")
        assert said(scripted) == ["First, edited?", "3", "Second?", "2", "Third?"]

    def test_running_all_twice_sends_the_same(self, fresh: Kernel, scripted: Scripted) -> None:
        for _ in range(2):
            for cell in "abc":
                fresh.run(f"%%hermes --chat\n{cell}?", cell=cell)
        assert scripted.sent[:3] == scripted.sent[3:]

    def test_without_an_id_a_cell_is_known_by_its_text(
        self, fresh: Kernel, scripted: Scripted
    ) -> None:
        for text in ("One?", "Two?", "Two?"):
            fresh.run(f"%%hermes --chat\n{text}")
        assert said(scripted) == ["One?", "So.", "Two?"]

    def test_each_question_of_a_loop_is_a_turn(self, fresh: Kernel, scripted: Scripted) -> None:
        loop = "for word in 'xyz':\n    get_ipython().run_line_magic('hermes', '--chat ' + word)"
        for _ in range(2):
            fresh.run(loop, cell="a")
            assert said(scripted) == ["x", "So.", "y", "So.", "z"]

    def test_named_ones_are_apart(self, fresh: Kernel, scripted: Scripted) -> None:
        fresh.run("%%hermes --chat plan\nPlan?", cell="a")
        fresh.run("%hermes --chat Main?", cell="b")
        assert said(scripted) == ["Main?"]
        fresh.run("%hermes --chat=plan And then?", cell="c")
        assert said(scripted) == ["Plan?", "So.", "And then?"]

    def test_new_starts_over(self, fresh: Kernel, scripted: Scripted) -> None:
        fresh.run("%%hermes --chat\nOld?", cell="a")
        fresh.run("%%hermes --chat --new\nNew?", cell="b")
        assert said(scripted) == ["New?"]
        fresh.run("%%hermes --chat\nMore?", cell="c")
        assert said(scripted) == ["New?", "So.", "More?"]

    def test_what_failed_is_no_turn(self, fresh: Kernel, scripted: Scripted) -> None:
        fresh.run("%%hermes --chat\nKept?", cell="a")
        assert not fresh.run("%%hermes --chat --max-cost 0\nToo dear?", cell="b").ok
        scripted.finish = "error"
        assert not fresh.run("%%hermes --chat --retries 0\nCut?", cell="b2").ok
        assert len(scripted.sent) == 2
        scripted.finish = "stop"
        fresh.run("%%hermes --chat\nMore?", cell="c")
        assert said(scripted) == ["Kept?", "So.", "More?"]

    def test_the_oldest_turns_give_way_and_that_is_told(
        self, fresh: Kernel, scripted: Scripted
    ) -> None:
        scripted.next = ["long " * 200, "short"]
        fresh.run("%%hermes --chat\nFirst?", cell="a")
        fresh.run("%%hermes --chat\nSecond?", cell="b")
        ran = fresh.run("%%hermes --chat --context 200 --max-tokens 100\nThird?", cell="c")
        assert said(scripted) == ["Second?", "short", "Third?"]
        assert "The oldest turn was not sent" in shown(ran)

    def test_a_corrected_answer_is_one_turn(self, fresh: Kernel, scripted: Scripted) -> None:
        scripted.next = ["sorry", '{"n": 1}']
        assert fresh.run("%%hermes --chat --json\nA number?", cell="a").ok
        fresh.run("%%hermes --chat\nMore?", cell="b")
        assert said(scripted) == ["A number?", '{"n": 1}', "More?"]

    def test_a_dry_run_shows_it_and_keeps_nothing(self, fresh: Kernel, scripted: Scripted) -> None:
        fresh.run("%%hermes --chat\nFirst?", cell="a")
        ran = fresh.run("%%hermes --chat --show-prompt\nSecond?", cell="b")
        assert "First?" in ran.stdout
        assert len(scripted.sent) == 1
        assert "1 turn " in fresh.run("%hermes history").stdout

    def test_history_shows_and_forget_forgets(self, fresh: Kernel, scripted: Scripted) -> None:
        scripted.next = ["An\x1b[31m answer."]
        fresh.run("%%hermes --chat\nA city?", cell="a")
        fresh.run("%%hermes --chat plan\nPlan?", cell="b")
        told = fresh.run("%hermes history").stdout
        assert "main · 1 turn" in told
        assert "you:    A city?" in told
        assert "An[31m answer." in told
        assert "A city?" not in fresh.run("%hermes history plan").stdout
        assert fresh.run("%hermes forget plan").stdout == "Forgotten: 1 turn.\n"
        assert "Plan?" not in fresh.run("%hermes history").stdout
        assert fresh.run("%hermes forget").stdout == "Forgotten: 1 turn.\n"
        assert "No chat yet" in fresh.run("%hermes history").stdout
        assert fresh.run("%hermes history nobody").stdout == "No chat is called nobody.\n"


CALL = '<tool_call>\n{"name": "warm", "arguments": {"city": "Oslo"}}\n</tool_call>'
WARM = 'def warm(city: str) -> int:\n    """Tell the temperature."""\n    '


class TestTools:
    def test_a_function_is_called_and_the_answer_follows(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(f"{WARM}print('asked', city)\n    return 7")
        scripted.next = [f"Let me look. {CALL}", "It is 7."]
        ran = kernel.run("%%hermes --tools warm -o answer\nHow warm is Oslo?")
        assert ran.ok
        assert ran.stdout == "asked Oslo\n"
        (bundle,) = ran.bundles()
        for form in ("text/html", "text/plain"):
            text = str(bundle[form])
            places = [text.index(part) for part in ("Let me", "→ 7", "It is 7.", "0.002")]
            assert places == sorted(places)
            assert "tool_call" not in text
        told = "(answer.text, answer.steps[0].result, answer.steps[0].error, answer.cost)"
        assert kernel.value(told) == "('It is 7.', '7', None, Decimal('0.002'))"
        assert kernel.value("_ is answer") == "True"
        assert '"content": 7' in scripted.question

    def test_only_what_the_line_names_can_run(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run(f"ran = []\n{WARM}ran.append(city)\n\ndef cold(city: str): pass")
        scripted.next = [CALL, "I cannot."]
        ran = kernel.run("%%hermes --tools cold\nHow warm?")
        assert ran.ok
        assert kernel.value("ran") == "[]"
        assert "There is no tool" in scripted.question
        assert "failed: OptionError" in shown(ran)

    def test_an_exception_is_told_and_shown(self, kernel: Kernel, scripted: Scripted) -> None:
        kernel.run(f"{WARM}raise LookupError('no <b>such</b> city')")
        scripted.next = [CALL, "I cannot."]
        ran = kernel.run("%%hermes --tools warm -o answer\nHow warm?")
        assert ran.ok
        assert "Error: LookupError: no <b>such</b> city" in scripted.question
        assert "failed: LookupError: no &lt;b&gt;such&lt;/b&gt; city" in shown(ran)
        assert kernel.value("answer.steps[0].error") == "LookupError: no <b>such</b> city"

    @pytest.mark.parametrize("watched", [False, True])
    def test_an_interrupt_in_the_function_stops_the_cell(
        self, kernel: Kernel, scripted: Scripted, *, watched: bool
    ) -> None:
        kernel.run(f"import time\n{WARM}print('waiting', flush=True)\n    time.sleep(60)")
        scripted.next = [f"Let me look. {CALL}", "It is 7."]
        ran = kernel.run(
            "%%hermes --tools warm -o part\nHow warm?",
            watched=watched,
            interrupt_when=lambda ran: "waiting" in ran.stdout,
        )
        assert ran.error["ename"] == "Stopped"
        assert len(scripted.sent) == 1
        assert "KeyboardInterrupt: stopped" in shown(ran)
        assert kernel.value("(part.state, part.steps[0].said)") == "('stopped', 'Let me look. ')"

    def test_too_many_calls_are_one_line_and_what_came_is_kept(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(f"{WARM}return 7")
        scripted.next = [CALL] * 9
        ran = kernel.run("%%hermes --tools warm --max-steps 2 -o part\nHow warm?")
        (line,) = ran.error["traceback"]
        assert "ToolLimitError" in line
        assert "--max-steps allows 2 calls" in line
        assert kernel.value("(part.state, len(part.steps))") == "('failed', 2)"
        assert shown(ran).count("→ 7") == 2

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("--tools wram", "Did you mean warm?"),
            ("--tools warm,number", "--tools: number is not a function"),
            ("--tools warm.city", "names of functions"),
        ],
    )
    def test_a_wrong_name_sends_nothing(
        self, kernel: Kernel, scripted: Scripted, line: str, told: str
    ) -> None:
        kernel.run(f"number = 3\n{WARM}return 7")
        ran = kernel.run(f"%%hermes {line}\nHow warm?")
        (shown_line,) = ran.error["traceback"]
        assert told in shown_line
        assert scripted.sent == []

    def test_a_dry_run_shows_them_and_runs_nothing(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(f"{WARM}return 7")
        ran = kernel.run("%%hermes --tools warm --show-prompt\nHow warm?")
        assert "<tools>" in ran.stdout
        assert "Tell the temperature." in ran.stdout
        assert scripted.sent == []
        assert "--max-steps N" in kernel.run("%hermes -h").stdout

    def test_a_live_answer_is_one_output_and_leaves_no_widget(
        self, kernel: Kernel, scripted: Scripted
    ) -> None:
        kernel.run(f"{WARM}return '<img src=x onerror=alert(1)>'")
        scripted.next = [f"Let me look. {CALL}", "It is warm."]
        ran = kernel.run("%%hermes --tools warm\nHow warm?", watched=True)
        (bundle,) = ran.bundles()
        assert "application/vnd.jupyter.widget-view+json" not in bundle
        assert "&lt;img" in str(bundle["text/html"])
        assert "<img" not in str(bundle["text/html"])
        assert "$0.002" in str(bundle["text/plain"])
