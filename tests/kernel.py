"""A real kernel, driven as a front end does: cells in, outputs and replies out."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager, start_new_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jupyter_client.blocking.client import BlockingKernelClient

PATIENCE = 60.0
Message = dict[str, Any]


@dataclass
class Ran:
    """What a cell has sent: its IOPub messages in order, and the reply on the shell channel."""

    messages: list[Message] = field(default_factory=list)
    reply: Message = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether Run All would go on."""
        return bool(self.reply["status"] == "ok")

    @property
    def error(self) -> Message:
        """The content of the one error message."""
        (error,) = [content for kind, content in self.contents() if kind == "error"]
        return error

    @property
    def stdout(self) -> str:
        """All that was written to stdout."""
        return "".join(content["text"] for kind, content in self.contents() if kind == "stream")

    def contents(self) -> list[tuple[str, Message]]:
        """Give type and content of each message."""
        return [(message["header"]["msg_type"], message["content"]) for message in self.messages]

    def bundles(self) -> list[Message]:
        """Give the MIME bundles that stand in the cell's outputs at its end."""
        shown: dict[str, Message] = {}
        for place, (kind, content) in enumerate(self.contents()):
            if kind in {"display_data", "update_display_data", "execute_result"}:
                key = content.get("transient", {}).get("display_id", str(place))
                shown[key] = content["data"]
        return list(shown.values())

    def text(self) -> str:
        """Give everything of every message as one text, to search it for what must not be there."""
        return repr(self.messages) + repr(self.reply)


class Kernel:
    """One running kernel."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(
        self,
        source: str,
        *,
        watched: bool = False,
        cell: str = "",
        interrupt_when: Callable[[Ran], bool] | None = None,
    ) -> Ran:
        """Run a cell to its end.

        Args:
            source: the cell.
            watched: whether a person is there (`allow_stdin`).
            cell: the cell's id, as a front end tells it; "" for one that does not.
            interrupt_when: looked at again and again; at its first True the kernel is
                interrupted, as by a front end's stop button.
        """
        asked = self._execute(source, watched=watched, cell=cell)
        ran = Ran()
        for message in self._messages(asked):
            if message is not None:
                ran.messages.append(message)
            if interrupt_when is not None and interrupt_when(ran):
                interrupt_when = None
                self.manager.interrupt_kernel()
        ran.reply = self.reply(asked)
        return ran

    def value(self, expression: str) -> str:
        """Give `str()` of an expression in the kernel's namespace."""
        wanted = {"it": f"str({expression})"}
        asked = self.client.execute("", silent=True, user_expressions=wanted)
        value = self.reply(asked)["user_expressions"]["it"]
        if value["status"] != "ok":
            raise AssertionError(value["evalue"])
        return str(eval(value["data"]["text/plain"]))  # noqa: S307 - a repr of str

    def complete(self, code: str, cursor: int | None = None) -> list[str]:
        """Give what Tab offers at the cursor, each as the whole code with it taken."""
        cursor = len(code) if cursor is None else cursor
        content = self.reply(self.client.complete(code, cursor))
        start, end = content["cursor_start"], content["cursor_end"]
        return [code[:start] + match + code[end:] for match in content["matches"]]

    def reply(self, asked: str) -> Message:
        """Give the content of the shell channel's reply to that request."""
        while True:
            message: Message = self.client.get_shell_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") == asked:
                return dict(message["content"])

    def _execute(self, source: str, *, watched: bool, cell: str) -> str:
        """Send a cell; give the request's number."""
        if not cell:
            return str(self.client.execute(source, allow_stdin=watched))
        content = {"code": source, "silent": False, "store_history": True}
        content |= {"user_expressions": {}, "allow_stdin": watched, "stop_on_error": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell})
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def _messages(self, asked: str) -> Iterator[Message | None]:
        """Give the messages of that request, and None now and then while there are none."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=0.05)
            except Empty:
                yield None
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            yield message
            if message["content"].get("execution_state") == "idle":
                return
        raise TimeoutError("the cell did not end")


@contextmanager
def running_kernel(environment: Mapping[str, str]) -> Iterator[Kernel]:
    """Start a kernel in this environment plus those variables; end it afterwards."""
    manager, client = start_new_kernel(
        kernel_name="python3", env={**os.environ, **environment}, startup_timeout=PATIENCE
    )
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
