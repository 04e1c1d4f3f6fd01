"""Conversations with a model under attack: each message goes to the model at once, and is kept with its reply."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.errors import RecordError, WorkbenchError
from workbench.records import Exchange
from workbench.safe_html import well_formed
from workbench.tasks import Turn
from workbench.widgets.annotate.desk import NotSavedError, one_line, try_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workbench.records import Annotator
    from workbench.widgets.annotate.desk import Keeper, Partner
    from workbench.widgets.annotate.messages import Say
    from workbench.widgets.annotate.questions import Question

MOST_EXCHANGES = 50
LONGEST_REPLY = 20_000
# Pieces of a reply are sent on at most this often, so that a quick model does not flood the page.
_EVERY_S = 0.15
_log = logging.getLogger(__name__)


class Attack:
    """The conversations of one annotator, by question. The model answers in a thread of its own."""

    def __init__(
        self,
        send: Callable[[dict[str, Any]], object],
        annotator: Annotator,
        keeper: Keeper,
        partner: Partner | None,
        past: Sequence[Exchange],
    ) -> None:
        self._send = send
        self._annotator = annotator
        self._keeper = keeper
        self._partner = partner
        self._lock = threading.Lock()
        self._past: dict[tuple[str, str], list[Exchange]] = {}
        for one in sorted(past, key=lambda one: one.number):
            self._past.setdefault((one.batch, one.item), []).append(one)
        self._busy: dict[tuple[str, str], str] = {}  # conversation -> uuid of the message that waits for its reply

    def turns(self, questions: Mapping[str, Question]) -> dict[str, list[dict[str, str]]]:
        """What has been said so far, by question; questions without a conversation are left out."""
        said = {key: self._turns(asked) for key, asked in questions.items()}
        return {key: [turn.model_dump() for turn in turns] for key, turns in said.items() if turns}

    def check(self, asked: Question, answer: Mapping[str, Any]) -> None:
        """Raise `RecordError` unless the turns of a red-team answer are those that took place here."""
        if self._partner is None or asked.item.task != "red_team":
            return
        took_place = [turn.model_dump() for turn in self._turns(asked)]
        if list(answer["turns"]) != took_place:
            raise RecordError(
                f"the turns are not the conversation that took place ({len(took_place)} turns)",
                next_step="reload the page",
            )

    def say(self, sent: Say, asked: Question) -> None:
        """Pass a message on to the model; the reply is sent piece by piece, and at the end kept.

        Raises
        ------
        RecordError
            When there is no model, it has not replied yet, or the conversation is over.
        """
        if self._partner is None:
            raise RecordError("no model is connected", next_step="pilot.annotate(name, model=…)")
        place = _place(asked)
        with self._lock:
            known = next((one for one in self._past.get(place, ()) if one.exchange_id == sent.uuid), None)
            if known is not None:
                self._send(_kept(sent, known))
                return
            if place in self._busy:
                if self._busy[place] == sent.uuid:
                    return
                raise RecordError("the model has not replied yet", next_step="wait for it")
            if len(self._past.get(place, ())) >= MOST_EXCHANGES:
                raise RecordError(f"a conversation has at most {MOST_EXCHANGES} messages", next_step="save it")
            self._busy[place] = sent.uuid
        turns = [*self._turns(asked), Turn(role="user", text=well_formed(sent.text))]
        threading.Thread(target=self._converse, args=(sent, asked, turns, self._partner), daemon=True).start()

    def _converse(self, sent: Say, asked: Question, turns: Sequence[Turn], partner: Partner) -> None:
        last = {**_said(sent, "", done=True), "error": "The model did not reply: it ended"}
        try:
            last = _kept(sent, self._exchange(sent, asked, turns, partner))
        except NotSavedError as error:
            last["error"] = f"The reply could not be kept: {error}"[:300]
        except Exception as error:  # noqa: BLE001 - whatever a model raises, the page must hear of it
            if not isinstance(error, WorkbenchError):
                _log.warning("the model did not reply: %s", type(error).__name__)
            # What an endpoint says of its failure may name keys and addresses, which are no annotator's business.
            said = one_line(error) if isinstance(error, WorkbenchError) else type(error).__name__
            last["error"] = f"The model did not reply: {said}"[:300]
        finally:
            with self._lock:
                self._busy.pop(_place(asked), None)  # first, as the page may write again as soon as it is told
            self._send(last)

    def _exchange(self, sent: Say, asked: Question, turns: Sequence[Turn], partner: Partner) -> Exchange:
        began = time.monotonic()
        reply = self._listen(sent, turns, partner)
        with self._lock:
            record = Exchange(
                exchange_id=sent.uuid,
                pilot=asked.assignment.pilot,
                batch=asked.assignment.batch,
                item=asked.item.id,
                annotator=self._annotator.id,
                source=self._annotator.source,
                number=len(self._past.get(_place(asked), ())),
                message=turns[-1].text,
                reply=reply,
                model=partner.model,
                model_sha256=partner.model_sha256,
                params=dict(partner.params),
                duration_s=round(time.monotonic() - began, 3),
                submitted_at=datetime.now(UTC),
            )
            kept = try_to(lambda: self._keeper.exchange(record))
            kept = kept if isinstance(kept, Exchange) else record
            self._past.setdefault(_place(asked), []).append(kept)
        return kept

    def _listen(self, sent: Say, turns: Sequence[Turn], partner: Partner) -> str:
        said: object = partner.reply(turns)
        reply, told = "", time.monotonic()
        for piece in [said] if isinstance(said, str) or not isinstance(said, Iterable) else said:
            if not isinstance(piece, str):
                raise RecordError(f"a model replies in text, got {type(piece).__name__}")
            reply += piece
            if len(reply) >= LONGEST_REPLY:
                break
            if time.monotonic() - told > _EVERY_S:
                told = time.monotonic()
                self._send(_said(sent, reply, done=False))
        return well_formed(reply[:LONGEST_REPLY])

    def _turns(self, asked: Question) -> list[Turn]:
        turns: list[Turn] = []
        for one in self._past.get(_place(asked), ()):
            turns += [Turn(role="user", text=one.message), Turn(role="assistant", text=one.reply)]
        return turns


def _place(asked: Question) -> tuple[str, str]:
    return asked.assignment.batch, asked.item.id


def _kept(sent: Say, exchange: Exchange) -> dict[str, Any]:
    return {**_said(sent, exchange.reply, done=True), "number": exchange.number}


def _said(sent: Say, text: str, *, done: bool) -> dict[str, Any]:
    return {"type": "said", "uuid": sent.uuid, "question": sent.question, "text": well_formed(text), "done": done}
