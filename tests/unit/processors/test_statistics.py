"""History statistics: of the last hour, bounded, and left out under pressure."""

from dataclasses import dataclass, field

from contract import metrics
from processors.domain.history import MOST_KEYS, OTHERS, Finished, History
from processors.statistics import MOST_USERS, STATISTICS, Statistics


def finished(model: str = "m", latency_ms: float = 100.0, user_id: str | None = None, project_id: str = "p") -> Finished:
    """A generation."""
    return Finished(project_id, model, latency_ms, None, 10.0, user_id)


@dataclass
class Rig:
    """Statistics with a level and a clock that a test sets."""

    level: int = 0
    now: float = 0.0
    statistics: Statistics = field(init=False)

    def __post_init__(self) -> None:
        self.statistics = Statistics(lambda: self.level, lambda: self.now)

    def shown(self) -> dict[tuple[str, ...], float]:
        """What the metric says after a while."""
        self.now += 60
        self.statistics.show()
        [family] = metrics.PROCESSOR_HISTORY.collect()
        names = ("project", "model", "measure", "quantile")
        return {tuple(sample.labels[name] for name in names): sample.value for sample in family.samples}


def test_percentiles_are_shown_by_project_and_model() -> None:
    """What is not known, such as a cost, is not shown."""
    rig = Rig()
    rig.statistics.take([finished(latency_ms=float(value)) for value in range(1, 101)])
    shown = rig.shown()

    assert abs(shown["p", "m", "latency_ms", "0.5"] - 50) <= 2
    assert abs(shown["p", "m", "latency_ms", "0.99"] - 99) <= 3
    assert {measure for _, _, measure, _ in shown} == {"latency_ms", "tokens"}


def test_what_ends_under_pressure_is_left_out_and_counted() -> None:
    """So that who reads them knows."""
    rig = Rig(level=1)
    before = metrics.PROCESSOR_SKIPPED.labels(STATISTICS)._value.get()
    rig.statistics.take([finished()] * 3)

    assert rig.shown() == {}
    assert metrics.PROCESSOR_SKIPPED.labels(STATISTICS)._value.get() - before == 3


def test_an_hour_later_nothing_is_left() -> None:
    """Trailing means trailing."""
    rig = Rig()
    rig.statistics.take([finished()])
    assert rig.shown() != {}

    rig.now += 3_600
    assert rig.shown() == {}


def test_models_beyond_the_bound_share_an_entry() -> None:
    """A client that makes up names does not fill the memory."""
    history = History()
    for number in range(3 * MOST_KEYS):
        history.add(("p", f"model-{number}"), finished(), 0.0)
    keys = {(one.project_id, one.name) for one in history.percentiles(0.0)}

    assert len(keys) == MOST_KEYS + 1
    assert OTHERS in keys


def test_a_project_sees_its_own_models_and_users() -> None:
    """By user as by model, and nobody else's; a generation of nobody counts for its model alone."""
    rig = Rig()
    rig.statistics.take([finished(latency_ms=float(value), user_id="ann") for value in range(1, 101)])
    rig.statistics.take([finished(user_id="bob", project_id="other"), finished("m2")])
    found = rig.statistics.of("p")

    assert {one.name for one in found["models"]} == {"m", "m2"}
    assert {one.name for one in found["users"]} == {"ann"}
    [median] = [one.value for one in found["users"] if (one.measure, one.quantile) == ("latency_ms", 0.5)]
    assert abs(median - 50) <= 2


def test_no_users_name_is_on_the_page_of_metrics() -> None:
    """It has no key."""
    rig = Rig()
    rig.statistics.take([finished(user_id="ann")])
    assert not any("ann" in labels for labels in rig.shown())


def test_users_beyond_the_bound_share_an_entry() -> None:
    """A client that makes up ids does not fill the memory."""
    rig = Rig()
    rig.statistics.take([finished(user_id=f"u{number}") for number in range(MOST_USERS + 50)])
    users = {one.name for one in rig.statistics.of("p")["users"]}
    assert len(users) == MOST_USERS
    assert {one.project_id for one in rig.statistics.of("_other")["users"]} == {"_other"}
