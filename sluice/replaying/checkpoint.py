"""How far a replay has come, in a file that is whole or absent, so that it goes on where it was interrupted."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from sluice.embedded.data_dir import write_whole
from sluice.embedded.errors import StartError
from sluice.replaying.wanted import Stored


class Checkpoint(msgspec.Struct, kw_only=True):
    """`from_us` and `to_us` are fixed at the first start, `ends` too: what is kept later, of the replay itself, is not replayed.

    `next_offsets` says for each stream below which offset everything wanted has been acknowledged by Kafka.
    """

    job: str
    from_us: int | None
    to_us: int
    ends: dict[str, int]
    next_offsets: dict[str, int] = {}
    sent: int = 0
    unreadable: int = 0

    def advance(self, records: Sequence[Stored], sent: int, unreadable: int) -> None:
        """Note that these records are dealt with; each stream's come in offset order."""
        for record in records:
            self.next_offsets[record.stream] = max(self.next_offsets.get(record.stream, 0), record.offset + 1)
        self.sent += sent
        self.unreadable += unreadable


class CheckpointFile:
    """The file of one replay."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, job: str) -> Checkpoint | None:
        """Return where `job` was interrupted, None where it begins; raise StartError where the file is of another."""
        try:
            found = msgspec.json.decode(self.path.read_bytes(), type=Checkpoint)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise StartError(f"the checkpoint {self.path} is not readable: {error}") from error
        if found.job != job:
            raise StartError(f"the checkpoint {self.path} is of another replay: finish that one, name another file, or remove it")
        return found

    def write(self, checkpoint: Checkpoint) -> None:
        """Write it down; a kill leaves the one before or this one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, msgspec.json.encode(checkpoint))

    def remove(self) -> None:
        """Forget a replay that is complete."""
        self.path.unlink(missing_ok=True)


def job_of(*words: object) -> str:
    """Return what tells one replay from another: what was asked for, as it was typed, and where it goes."""
    return blake2b(repr(words).encode(), digest_size=8).hexdigest()
