"""What stands in the shell until the first cell: cheap to load, and whole when it is needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from hermes_magic.magic.magics import HermesMagics
    from hermes_magic.reply import Reply


class Front:
    """Stands for a `HermesMagics`, which takes some 20 ms to import, and makes it when needed.

    It is what `%config` finds among the shell's configurables: asked for its class or for
    anything else, it answers as the `HermesMagics` that it stands for.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._lock = threading.RLock()
        self._magics: HermesMagics | None = None

    @no_var_expand
    def hermes(self, line: str, cell: str | None = None) -> object:
        r"""Ask Nous Hermes 4 405B; the answer streams in with its thought and its cost.

        `%%hermes [options]` over a question, or `%hermes [options] question` on one line.
        Words are quoted as in a shell; Tab completes options, values and names.

        Options

            %%hermes --no-think -t 0.2 --max-tokens 500 -s "Be brief." -o answer
            Why does the median resist outliers?

        Your variables: {{expressions}} become their values; --no-vars or \{{ sends braces

            %%hermes
            The mean is {{df.amount.mean():.2f}}. Is that plausible for a café?

        Your data: a DataFrame, an array, a function, a text file, described for the model

            %%hermes --with df,load,notes.txt --with df.amount
            Why does `load` lose rows?

        Conversation: a cell run again replaces its turn; --chat NAME for a second one

            %%hermes --chat
            And without the outliers?

        Data back: `reply.data` is checked and built; --json for any JSON

            %%hermes --schema list[Payment] -o reply
            Which payments are in this mail? {{mail}}

        Your functions: the model may call these, and no others

            %%hermes --tools weather,convert
            Is it warmer in Oslo or in Rome?

        Many rows: once for each, within a budget; run it again and it goes on

            %%hermes --each df -o out --max-cost 2
            Is this review positive? {{row.review}}

        Code: into a new cell below, which nobody runs but you

            %%hermes --code --with df
            Plot the amounts by month.

        Money: a limit for the cell; what would be sent and what it can cost, unsent

            %%hermes --max-cost 0.01
            %%hermes --dry-run

        Tapes: answers recorded once, replayed for free, without key or network

            %hermes record lesson.json
            %hermes replay lesson.json

        Other models and servers

            %%hermes -m 70b
            %%hermes --server vllm

        Behind the cell, `_` and the -o name hold a `Reply`: .text .thinking .cost (Decimal USD)
        .data .code .usage .model .provider .finish_reason .id; str(reply) is the text.
        `reply = %hermes question` gives it as well; in functions and loops:

            from hermes_magic import ask
            reply = ask("Why?", max_tokens=500)

        Commands

            %hermes            where you are: server, model, key, spent, conversations
            %hermes status     the same, and what the key may still spend
            %hermes models     models with price and context
            %hermes servers    the servers that --server knows
            %hermes cost       what was spent: cell, notebook, day, month, model
            %hermes history    the conversations; %hermes forget forgets them
            %hermes record     record answers on a tape; %hermes replay asks nobody
            %hermes tape       the tape in use; %hermes tape off goes on without it
            %hermes fix        explain the last exception, and offer the corrected cell
            %hermes explain    explain a variable, a function, a module: %hermes explain df
            %hermes login      keep a key; %hermes logout removes it
            %hermes offline    a built-in demo: no key, no network; %hermes online goes back

        More: `%hermes -h` lists every option with its default; `%config HermesMagics` shows and
        sets the defaults; notebooks/ and README.md of the project work through all of it.
        """
        return self.magics.hermes(line, cell)

    @property
    def magics(self) -> HermesMagics:
        """What it stands for."""
        with self._lock:
            if self._magics is None:
                from hermes_magic.magic.magics import HermesMagics

                self._magics = HermesMagics(self._shell)
            return self._magics

    def display(self, reply: Reply) -> None:
        """Show a reply that a cell evaluates."""
        self.magics.display(reply)

    def close(self) -> None:
        """Close what the magics hold, if there are any."""
        if self._magics is not None:
            self._magics.close()

    @property  # type: ignore[misc]  # what it stands for
    def __class__(self) -> type:
        return type(self.magics)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.magics, name)
