"""The requests of one question on their way: to the server, or to the tape that holds the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_magic.session import Answering

if TYPE_CHECKING:
    from decimal import Decimal

    from hermes_magic.asking.desk import Desk
    from hermes_magic.options import Options
    from hermes_magic.prompt import Question
    from hermes_magic.session import Session
    from hermes_magic.tape.player import Player
    from hermes_magic.tape.recorder import Recorder


class Sender:
    """Sends the requests of one question; each is looked for on the tape first, if there is one.

    What a tape holds needs no key, no network and no limit.

    Args:
        desk: who is asked, by which key.
        session: who sends.
        run: the run of a cell that the question belongs to.

    Attributes:
        rate: USD that a token of the last reply costs, about, if it is asked for and that is known.
    """

    def __init__(self, desk: Desk, session: Session, run: str) -> None:
        self.rate: Decimal | None = None
        self._desk = desk
        self._session = session
        self._run = run
        self._players: list[Player] = []
        self._at_once = False

    def __call__(self, options: Options, question: Question) -> Answering:
        """Prepare one request.

        Raises:
            HermesError: it cannot be sent, or is not on a tape that is only replayed.
        """
        tape = self._desk.tape(options)
        if tape is None:
            return self._ask(options, question)
        from hermes_magic.tape.player import Player

        body = self._session.body(options, question)
        taped = self._session.tapes.take(tape, body, fresh=options.fresh)
        if isinstance(taped, Player):
            return self._play(taped, question)
        return self._ask(options, question, taped)

    def at_once(self) -> None:
        """Lose no time with what is played: nobody is watching."""
        self._at_once = True
        for player in self._players:
            player.at_once()

    def _ask(
        self, options: Options, question: Question, recorder: Recorder | None = None
    ) -> Answering:
        desk = self._desk
        server = desk.server(options.server)
        key = desk.keys.find(server).value
        limits = None if desk.is_offline else desk.limits(options, self._run)
        sending = self._session.ask(server, key, options, question, limits, recorder)
        self.rate = None if limits is None else desk.account.rate(server, key, options.model)
        return sending

    def _play(self, player: Player, question: Question) -> Answering:
        from hermes_magic.wire.shaping import Shape

        self.rate = None
        self._players.append(player)
        if self._at_once:
            player.at_once()
        events = Shape(notes=question.notes)(player.chat())
        return Answering(player.abort, events, lambda _: None, replays=True)
