"""A request's bytes → what it states, still encoded, each apart from the others: runs and feedback, created or updated."""

import re
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from contract.errors import InvalidEventError
from contract.events import RejectionCode
from contract.letters import Alone
from ingest_gateway.adapters.langsmith import form
from ingest_gateway.adapters.langsmith.multipart import Part, boundary_of, parts_of
from ingest_gateway.adapters.langsmith.wire import is_said
from ingest_gateway.domain.json_items import NotAnArrayError, items_at
from ingest_gateway.domain.statements import Operation
from ingest_gateway.domain.texts import mended

OPERATIONS: Final[dict[str, Operation]] = {"post": "create", "patch": "update"}
WORDS: Final = {operation: word for word, operation in OPERATIONS.items()}
ATTACHMENT: Final = "attachment"
FEEDBACK: Final = "feedback"
LIST_AT = re.compile(rb'"(post|patch)"\s*:\s*(?=\[)')
PARTS_PER_STATEMENT: Final = 16
"""A run has at most seven parts and its attachments."""


class RunSaid(msgspec.Struct):
    """A run's statement; `pieces` are fields that were parts of their own."""

    operation: Operation
    run_id: str = ""
    main: bytes | None = None
    pieces: dict[str, bytes] = {}
    files: list[tuple[str, Part]] = []

    @property
    def original(self) -> bytes:
        """What is kept of a statement that was refused: its main part, then its others as parts of a form."""
        named = [(f"{self._subject}.{name}", piece) for name, piece in self.pieces.items()]
        return (self.main or b"") + b"".join(form.following(self.run_id, name, piece) for name, piece in named)

    @property
    def alone(self) -> Alone | None:
        """How it is sent by itself; its files are not kept, so with them it cannot be."""
        if self.main is None or self.files:
            return None
        if self.run_id:
            return form.alone(self.run_id, self._subject)
        return Alone(path=form.BATCH_PATH, before=f'{{"{WORDS[self.operation]}":[', after="]}")

    @property
    def _subject(self) -> str:
        return f"{WORDS[self.operation]}.{self.run_id}"


class FeedbackSaid(msgspec.Struct):
    """A feedback's statement."""

    operation: Operation
    feedback_id: str = ""
    main: bytes = b""

    @property
    def original(self) -> bytes:
        """What is kept of a statement that was refused."""
        return self.main

    @property
    def alone(self) -> Alone | None:
        """How it is sent by itself."""
        if self.operation == "update":
            return Alone(path=f"{form.FEEDBACK_PATH}/{quote(self.feedback_id, safe='')}", method="PATCH")
        if self.feedback_id:
            return form.alone(self.feedback_id, f"{FEEDBACK}.{self.feedback_id}")
        return Alone(path=form.FEEDBACK_PATH)


class Refused(NamedTuple):
    """What is no statement."""

    fault: InvalidEventError
    original: bytes
    alone: None = None


Statement = RunSaid | FeedbackSaid | Refused

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def in_batch(body: bytes, limit: int) -> list[Statement]:
    """Return the runs of `{"post": […], "patch": […]}`, more than `limit` only so that their number shows.

    Where the body is no JSON, brackets alone tell the runs apart, so that a broken one costs only itself. Raises InvalidEventError
    where there is no batch to be found.
    """
    body = mended(body)
    statements: list[Statement] = []
    for name, items in _lists_in(body, limit):
        statements += [RunSaid(OPERATIONS[name], main=bytes(item)) for item in items]
    return statements


def _lists_in(body: bytes, limit: int) -> list[tuple[str, list[bytes]]]:
    try:
        said = _decode(body)
        return [(name, [bytes(item) for item in _decode_list(said[name])]) for name in OPERATIONS if name in said and is_said(said[name])]
    except (msgspec.DecodeError, RecursionError) as error:
        found = _cut_lists(body, limit) if body.lstrip().startswith(b"{") else []
        if not found:
            raise InvalidEventError(RejectionCode.MALFORMED, f"not a batch of runs: {error}") from None
        return found


def _cut_lists(body: bytes, limit: int) -> list[tuple[str, list[bytes]]]:
    found: list[tuple[str, list[bytes]]] = []
    at = 0
    while len(found) < len(OPERATIONS) and (mark := LIST_AT.search(body, at)):
        try:
            items, at = items_at(body, mark.end(), limit)
        except NotAnArrayError:
            break
        found.append((mark[1].decode(), items))
    return found


def in_parts(body: bytes, content_type: str, limit: int) -> list[Statement]:
    """Return what a multipart body states, in its order; raise InvalidEventError where it is none at all."""
    boundary = boundary_of(content_type)
    if boundary is None:
        raise InvalidEventError(RejectionCode.MALFORMED, "Content-Type names no boundary", "content-type")
    cut = parts_of(body, boundary, limit * PARTS_PER_STATEMENT)
    if not cut.parts and cut.fault:
        raise InvalidEventError(RejectionCode.MALFORMED, cut.fault)
    if len(cut.parts) > limit * PARTS_PER_STATEMENT:
        raise InvalidEventError(RejectionCode.TOO_MANY, "too many parts")
    gathered = Gathered()
    for part in cut.parts:
        gathered.add(part)
    statements = gathered.statements()
    if cut.fault:
        statements.append(Refused(InvalidEventError(RejectionCode.MALFORMED, cut.fault), b""))
    return statements


class Gathered:
    """Puts the parts of each statement together: a run's main part first, then its fields and files, others in between."""

    def __init__(self) -> None:
        self._statements: list[Statement] = []
        self._open: dict[tuple[str, str], RunSaid] = {}
        self._latest: dict[str, RunSaid] = {}
        self._files: list[tuple[str, str, Part]] = []

    def add(self, part: Part) -> None:
        """Take in one part."""
        word, _, rest = part.name.partition(".")
        subject, _, field = rest.partition(".")
        if word in OPERATIONS and subject:
            self._add_run(word, subject, field, mended(bytes(part.content)))
        elif word == ATTACHMENT and field:
            self._files.append((subject, field, part))
        elif word == FEEDBACK and rest:
            self._statements.append(FeedbackSaid("create", rest, mended(bytes(part.content))))
        else:
            fault = InvalidEventError(RejectionCode.UNSUPPORTED, f"no such part: {part.name[:100]}")
            self._statements.append(Refused(fault, bytes(part.content)))

    def _add_run(self, word: str, run_id: str, field: str, content: bytes) -> None:
        held = self._open.get((word, run_id))
        if held is None or (not field and held.main is not None):
            held = RunSaid(OPERATIONS[word], run_id, pieces={}, files=[])
            self._open[word, run_id] = self._latest[run_id] = held
            self._statements.append(held)
        if field:
            held.pieces[field] = content
        else:
            held.main = content

    def statements(self) -> list[Statement]:
        """Return all of them; a file belongs to the latest statement about its run."""
        for run_id, name, part in self._files:
            held = self._latest.get(run_id)
            if held is not None:
                held.files.append((name, part))
            else:
                fault = InvalidEventError(RejectionCode.MISSING_FIELD, "an attachment comes with its run", f"attachment.{run_id}.{name}")
                self._statements.append(Refused(fault, b""))
        return self._statements
