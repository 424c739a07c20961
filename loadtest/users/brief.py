"""What a Locust process has to know, and how it tells what was acknowledged: a file of lines a process, appended to. No Locust here.

A process of a distributed run needs the same brief; `LOADTEST_BRIEF` names the file.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

import msgspec

from loadtest.load.protocols import MIX
from loadtest.load.rates import Shape, chosen

BRIEF = "LOADTEST_BRIEF"
BEGUN, OK = "begun", "ok"
TRACES_PER_PROCESS = 4_000_000
SIZES = (10, 50)
TRACES_PER_SECOND_AND_USER = 2.0


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send what; `run` names every id, `seed` draws the traces."""

    run: str
    seed: int
    sizes: tuple[int, int]
    gateway_http: str
    gateway_grpc: str
    public_key: str
    ingest_key: str
    folder: str
    shape: str
    per_second: float
    seconds: float
    warm_seconds: float

    def chosen_shape(self) -> Shape:
        """Return the shape of the load."""
        return chosen(self.shape, self.per_second, self.seconds, self.sizes)


class Acknowledged(NamedTuple):
    """A request: which of which trace, of how many parts at once; monotonic seconds, the machine's. `status` tells of failures,
    and that a trace is begun.
    """

    number: int
    part: int
    parts: int
    sent: float
    acknowledged: float
    status: str


def read(environ: Mapping[str, str] = os.environ) -> Brief:
    """Read the brief of this process."""
    return msgspec.json.decode(Path(environ[BRIEF]).read_bytes(), type=Brief)


def write(brief: Brief, path: Path) -> None:
    """Write it, for its owner alone: it holds keys."""
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(brief))


def numbers(protocol: str, process: int) -> Iterator[int]:
    """Yield the numbers of the traces that this process tells by a protocol, without end; no other process has them."""
    places = [place for place, name in enumerate(MIX) if name == protocol]
    start = process * TRACES_PER_PROCESS
    turn = 0
    while True:
        for place in places:
            yield start + turn * len(MIX) + place
        turn += 1


def line(said: Acknowledged) -> str:
    """Return a line of the file."""
    return f"{said.number} {said.part} {said.parts} {said.sent:.6f} {said.acknowledged:.6f} {said.status}\n"


class Lines:
    """Reads what was appended to the files of a folder since the last look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, TextIO] = {}
        self._rests: dict[Path, str] = {}

    def new(self) -> Iterator[Acknowledged]:
        """Yield new lines, whole ones only."""
        for path in self._folder.glob("*.acks"):
            if path not in self._files:
                self._files[path] = path.open()
            text = self._rests.get(path, "") + self._files[path].read()
            *whole, self._rests[path] = text.split("\n")
            for words in map(str.split, whole):
                number, part, parts, sent, acknowledged, status = words
                yield Acknowledged(int(number), int(part), int(parts), float(sent), float(acknowledged), status)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


def users_at(brief: Brief, requests_per_trace: float, events_per_request: float, second: float) -> int:
    """Return how many users there have to be so many seconds after the start; the warm-up comes first."""
    shape = brief.chosen_shape()
    rate = shape.at(max(0.0, second - brief.warm_seconds))
    requests = rate / events_per_request if shape.unit == "events" else rate
    return max(1, round(requests / requests_per_trace / TRACES_PER_SECOND_AND_USER))
