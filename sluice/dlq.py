"""`sluice dlq`: the dead letters: what could not be processed, why, and back again once it can."""

import argparse
import contextlib
import os
import sys
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from contract.clock import now_us
from contract.codec import codec_for
from contract.kafka import KafkaSettings
from contract.keys import Presented
from contract.settings import load
from contract.topics import DEAD_LETTERS
from sluice import kafka_access
from sluice.dead_letters.contents import contents_of
from sluice.dead_letters.gateway import Door
from sluice.dead_letters.letter import Filters, Letter, LetterId, letter_id
from sluice.dead_letters.reading import LetterBox
from sluice.dead_letters.returning import Returner
from sluice.embedded import endpoints
from sluice.embedded.data_dir import DataDir
from sluice.embedded.errors import StartError
from sluice.embedded.plan import StackSettings
from sluice.moments import moment, moment_us, rate, shown
from sluice.pacing import Pacer
from sluice.sending import KafkaSender
from sluice.topic_scan import Range, TopicScan

NAME = "dlq"
HELP = "list, show or replay the dead letters"

INTERRUPTED = 130
MESSAGE_CHARACTERS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show_all = actions.add_parser("list", help="list letters, the newest last, and count them by stage and reason")
    show_all.add_argument("--limit", type=int, default=50, metavar="N", help="how many to show (50); all are counted")
    one = actions.add_parser("show", help="show one letter with what the original says")
    one.add_argument("id", type=letter_id)
    again = actions.add_parser("replay", help="send originals back to where they belong")
    again.add_argument("ids", type=letter_id, nargs="*", metavar="ID", help="these letters only")
    again.add_argument("--all", action="store_true", help="every letter; without an id or a filter this is needed")
    again.add_argument("--again", action="store_true", help="also those that have been replayed already")
    again.add_argument("--dry-run", action="store_true", help="only say where each would go")
    again.add_argument("--rate", type=rate, metavar="N/s", help="at most so many letters a second")
    again.add_argument("--gateway", metavar="URL", help="where refused events are posted (the running stack's gateway)")
    again.add_argument("--key", help="an ingest key for that (the running stack's)")
    for action in (show_all, again):
        _add_filters(action)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    for name, what in (("reason", "reason"), ("stage", "stage: gateway, processor or a sink's name"), ("project", "project")):
        parser.add_argument(f"--{name}", action="append", default=[], help=f"only this {what}; may be given several times")
    parser.add_argument("--topic", action="append", default=[], help="only records of this topic; may be given several times")
    parser.add_argument("--since", type=moment, metavar="TIME", help="buried at TIME or later: RFC 3339, a date, or 2h for two hours ago")
    parser.add_argument("--until", type=moment, metavar="TIME", help="buried before TIME")


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out; 1 where letters were left behind or there is none such."""
    actions = {"list": _list, "show": _show, "replay": _replay}
    try:
        return actions[arguments.action](arguments)
    except KeyboardInterrupt:
        print("interrupted; what was sent is noted, the same command goes on", file=sys.stderr)
        return INTERRUPTED


def filters_of(arguments: argparse.Namespace) -> Filters:
    """Return what the arguments ask for."""
    now = now_us()
    return Filters(
        ids=frozenset(getattr(arguments, "ids", ())),
        reasons=frozenset(arguments.reason),
        stages=frozenset(arguments.stage),
        projects=frozenset(arguments.project),
        topics=frozenset(arguments.topic),
        since_us=None if arguments.since is None else moment_us(arguments.since, now),
        until_us=None if arguments.until is None else moment_us(arguments.until, now),
    )


@contextmanager
def _opened(kafka: KafkaSettings, since_us: int | None = None) -> Iterator[tuple[LetterBox, Progress]]:
    """Open the topic as it is now, with a progress bar for every time it is read."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with TopicScan(kafka, DEAD_LETTERS) as scan, Progress(*columns, console=console, transient=True) as progress:
        ranges: list[Range] = scan.ranges(since_us)
        task: TaskID = progress.add_task("reading dead letters", total=sum(one.end - one.first for one in ranges))
        yield LetterBox(scan, codec_for(kafka.schema_registry_url), ranges, lambda: progress.advance(task)), progress


def _list(arguments: argparse.Namespace) -> int:
    kafka, filters = kafka_access.kafka_settings(os.environ), filters_of(arguments)
    newest: deque[Letter] = deque(maxlen=max(1, arguments.limit))
    kinds: Counter[tuple[str, str]] = Counter()
    with _opened(kafka, filters.since_us) as (box, _):
        for letter in box.letters(filters):
            kinds[letter.record["stage"], letter.record["reason"]] += 1
            newest.append(Letter(letter.id, {**letter.record, "original": b""}))
    console = Console(highlight=False)
    console.print(_table(newest, box.replays))
    for (stage, reason), count in kinds.most_common():
        console.print(f"{count:>8}  {stage}  {escape(reason)}")
    replayed = sum(letter.id in box.replays for letter in newest)
    console.print(f"{kinds.total()} letters, {len(newest)} shown" + (f", {replayed} of them replayed" if replayed else ""))
    if box.unreadable:
        console.print(f"{box.unreadable} records on {DEAD_LETTERS} are no letters")
    return 0


def _table(letters: deque[Letter], replays: dict[LetterId, int]) -> Table:
    table = Table("id", "at", "stage", "reason", "project", "origin", "attempt", "message")
    for letter in letters:
        said = letter.record
        attempt = f"{said['attempt']}" + (" replayed" if letter.id in replays else "")
        message = said["message"][:MESSAGE_CHARACTERS]
        cells = (
            str(letter.id),
            shown(said["at"]),
            said["stage"],
            said["reason"],
            said["project_id"] or "",
            letter.origin,
            attempt,
            message,
        )
        table.add_row(*(escape(cell) for cell in cells))
    return table


def _show(arguments: argparse.Namespace) -> int:
    kafka, wanted = kafka_access.kafka_settings(os.environ), arguments.id
    with _opened(kafka) as (box, _):
        found = list(box.letters(Filters(ids=frozenset({wanted}))))
    if not found:
        raise StartError(f"there is no letter {wanted}; `sluice dlq list` shows those there are")
    [letter] = found
    contents = contents_of(letter.record["original"], codec_for(kafka.schema_registry_url))
    facts = {name: value for name, value in letter.record.items() if name not in ("original", "at", "key") and value not in (None, "")}
    key = letter.record["key"]
    print(f"{'id':<12}{letter.id}\n{'at':<12}{shown(letter.record['at'])}")
    for name, value in facts.items():
        print(f"{name:<12}{value}")
    if key is not None:
        print(f"{'key':<12}{key.decode(errors='backslashreplace')}")
    print(f"{'replayed':<12}{box.replays.get(letter.id, 0)} times\n{'original':<12}{contents.kind}\n\n{contents.text}")
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    kafka, filters = kafka_access.kafka_settings(os.environ), filters_of(arguments)
    if filters == Filters() and not arguments.all:
        raise StartError("name letters, filter them, or say --all; --dry-run shows what would happen")
    since_us = filters.since_us
    with _opened(kafka, since_us) as (box, progress), contextlib.ExitStack() as stack:
        chosen = [letter.id for letter in box.letters(filters)]
        already = set() if arguments.again else {stands_at for stands_at in chosen if stands_at in box.replays}
        door = _door(arguments, kafka)
        if door is not None:
            stack.enter_context(door)
        returner = Returner(KafkaSender(kafka), door, codec_for(kafka.schema_registry_url), Pacer(arguments.rate), version("sluice"))
        left = filters._replace(ids=frozenset(chosen) - already)
        console = progress.console
        if left.ids and arguments.dry_run:
            for letter in box.letters(left):
                console.print(f"{letter.id}  {escape(letter.origin)}  →  {escape(str(returner.place_of(letter)))}", highlight=False)
        elif left.ids:
            task = progress.add_task("replaying", total=len(left.ids))
            for count in returner.send_back(box.letters(left), now_us()):
                progress.advance(task, count)
    return _report(arguments, returner, len(chosen), len(already))


def _report(arguments: argparse.Namespace, returner: Returner, chosen: int, already: int) -> int:
    outcome = returner.outcome
    if already:
        print(f"{already} already replayed; --again replays them once more")
    if arguments.dry_run:
        print(f"{chosen - already} of {chosen} letters would be looked at; nothing was sent")
        return 0
    print(f"{outcome.sent} of {chosen} letters replayed")
    if outcome.refused:
        print(f"{outcome.refused} refused once more, each a new letter of one attempt more; the last: {outcome.last_refusal}")
    for why, count in outcome.left.items():
        print(f"{count} cannot be replayed: {why}")
    return 1 if outcome.left or outcome.refused else 0


def _door(arguments: argparse.Namespace, kafka: KafkaSettings) -> Door | None:
    """Return the gateway: the one named, with whose project its key says, else that of the running stack."""
    if arguments.gateway is not None:
        if arguments.key is None:
            raise StartError("--gateway needs --key, an ingest key")
        return Door(arguments.gateway, arguments.key, _project_of(arguments.key, kafka))
    try:
        running = endpoints.read(DataDir(load(StackSettings, os.environ).data_dir).endpoints)
    except StartError:
        return None
    if arguments.key is not None:
        return Door(running.gateway_http, arguments.key, _project_of(arguments.key, kafka))
    return Door(running.gateway_http, running.ingest_key, running.project_id)


def _project_of(key: str, kafka: KafkaSettings) -> str:
    return kafka_access.directory(kafka).authorise(Presented(key), "ingest").project_id
