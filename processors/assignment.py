"""Which partitions are ours together with their state.

Faust's assignor hands out partitions of `events` without those of the changelog while its leader has not heard of that topic, as
at a first start. Their state is then not recovered: a worker that went on would count from nothing and write that over what is
there (seen: every total of three partitions too low after a worker took over). Such a partition waits, and the group is asked to assign
again.
"""

from typing import Any

import faust
from faust.types import TP

from contract.topics import EVENTS


class Assignment:
    """What Faust's consumer has been assigned."""

    def __init__(self, app: faust.App, changelog_topic: str) -> None:
        self._app = app
        self._changelog_topic = changelog_topic

    def owned(self) -> list[int]:
        """Return the partitions of `events` that came with their state."""
        return [partition for partition in self._partitions() if partition not in self.bare()]

    def bare(self) -> list[int]:
        """Return those that came without."""
        assigned = self._assigned()
        return [partition for partition in self._partitions() if TP(self._changelog_topic, partition) not in assigned]

    def with_state(self) -> set[TP]:
        """Return the topic partitions whose records may be processed."""
        return {TP(EVENTS, partition) for partition in self.owned()}

    def will_recover(self) -> bool:
        """Tell whether what is assigned now has yet to be recovered.

        Where partitions move while their state is being recovered, Faust (0.15.3) says that it has been, and begins anew: its handler
        of whatever ends the waiting takes the signal of the next assignment for an end like any other.
        """
        tables: Any = self._app.tables  # its recovery service is not part of Faust's typed interface
        return bool(tables.recovery.signal_recovery_start.is_set())

    async def ask_again(self) -> None:
        """Learn anew which topics there are, which else happens every five minutes, and join the group again.

        Where we lead it, that brings a new assignment.
        """
        consumer: Any = self._app.consumer  # neither Faust nor its client offers this
        thread = consumer._thread  # noqa: SLF001
        client = thread._consumer  # noqa: SLF001
        await thread.call_thread(client._client.force_metadata_update)  # noqa: SLF001
        await thread.call_thread(client._coordinator.request_rejoin)  # noqa: SLF001

    def _partitions(self) -> list[int]:
        return sorted(tp.partition for tp in self._assigned() if tp.topic == EVENTS)

    def _assigned(self) -> set[TP]:
        return set(self._app.consumer.assignment())
