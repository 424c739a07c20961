"""The degradation level as a service obeys it: what the controller said last, until it falls silent."""

import logging
from collections.abc import Callable

from contract.clock import US_PER_SECOND, now_us
from contract.control import Directory
from contract.degradation import Degradation, in_force
from contract.metrics import SERVICE_DEGRADATION_LEVEL

logger = logging.getLogger(__name__)


class ObeyedLevel:
    """Looks up the level in force; logs every change, and shows it as a metric."""

    def __init__(self, directory: Directory, silence_seconds: float, clock: Callable[[], int] = now_us) -> None:
        self._directory = directory
        self._silence_us = int(silence_seconds * US_PER_SECOND)
        self._clock = clock
        self._shown = Degradation()
        SERVICE_DEGRADATION_LEVEL.set_function(lambda: float(self.level))

    @property
    def level(self) -> int:
        """Return the level, 0 to 3."""
        return self.now().level

    def now(self) -> Degradation:
        """Return what is in force."""
        found = in_force(self._directory.degradation, self._clock(), self._silence_us)
        if found.step != self._shown.step:
            was, self._shown = self._shown, found
            logger.warning(
                "degradation_level level=%d was=%d only_priority=%s lag_records=%d lag_seconds=%.1f controller=%s",
                found.level,
                was.level,
                found.only_priority,
                found.lag_records,
                found.lag_seconds,
                found.controller or "none",
            )
        return found
