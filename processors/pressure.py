"""The controller at work: measures what waits and says the level on `control`. Runs in the worker that owns partition 0 of `events`."""

import logging
import time
from collections.abc import Callable

from confluent_kafka import KafkaException, Producer

from contract.clock import now_us
from contract.codec import Codec
from contract.control import degradation_record, publish
from contract.degradation import Degradation, LevelController, Pressure, QueueBounds
from contract.errors import RetryableError
from contract.standstill import Positions
from processors.domain.backlog import Backlog

logger = logging.getLogger(__name__)

LEADING_PARTITION = 0
LOOK_SECONDS = 1.0
REPEAT_SECONDS = 5.0
LEVEL_TIMEOUT_MS = 5_000

Say = Callable[[Degradation], None]


class PressureControl:
    """Looks at the queues while it leads, and says a level that changes at once, one that is not 0 again and again."""

    def __init__(
        self,
        events: Callable[[], Positions],
        rows: Callable[[], Positions],
        say: Say,
        heard: Callable[[], Degradation],
        bounds: QueueBounds,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = events
        self._rows = rows
        self._say = say
        self._heard = heard
        self._bounds = bounds
        self._name = name
        self._clock = clock
        self.resign()

    def resign(self) -> None:
        """Lead no longer: another worker has partition 0, and knows nothing of what was seen here."""
        self._controller: LevelController | None = None
        self._backlogs = Backlog(), Backlog()
        self._said_step = 0
        self._said_at = float("-inf")

    def look(self) -> None:
        """Measure, decide, and say so where it is news or time to repeat it; waits for Kafka."""
        try:
            events = self._backlogs[0].look(self._events(), self._clock())
            stored = self._backlogs[1].look(once_consumed(self._rows()), self._clock())
        except (KafkaException, TimeoutError) as error:
            logger.warning("pressure_not_known error=%s", error)
            return
        self._decide(events, stored)

    def _decide(self, events: Pressure, stored: Pressure) -> None:
        now = self._clock()
        if self._controller is None:
            self._said_step = self._heard().step
            self._controller = LevelController(self._bounds, self._said_step)
            logger.info("pressure_controlled_here step=%d", self._said_step)
        step = self._controller.observe(events, now, stored)
        if step != self._said_step or (step and now - self._said_at >= REPEAT_SECONDS):
            self._speak(self._controller, events, max(events.seconds, stored.seconds), now)

    def _speak(self, controller: LevelController, events: Pressure, lag_seconds: float, now: float) -> None:
        said = Degradation(
            level=controller.level,
            only_priority=controller.only_priority,
            at=now_us(),
            lag_records=events.records,
            lag_seconds=lag_seconds,
            controller=self._name,
        )
        try:
            self._say(said)
        except (RetryableError, KafkaException, BufferError) as error:
            logger.warning("level_not_said level=%d error=%s", said.level, error)
            return
        if controller.step != self._said_step:
            logger.warning("degradation_said step=%d was=%d lag_records=%d", controller.step, self._said_step, events.records)
        self._said_step, self._said_at = controller.step, now


def once_consumed(positions: Positions) -> Positions:
    """Return the positions of a group that has ever committed anything, else none: a group that nobody runs is not behind."""
    return positions if any(position.committed for position in positions.values()) else {}


def sayer(producer: Producer, codec: Codec) -> Say:
    """Return what writes a level to `control` and waits for Kafka."""
    return lambda said: publish([degradation_record(said)], producer, codec)
