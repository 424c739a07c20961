"""Usage by project, and its bound on series."""

from contract.metrics import GATEWAY_PROJECT_BYTES, GATEWAY_PROJECT_EVENTS
from ingest_gateway.usage import OTHER, UsageMeter


def events(project: str, outcome: str = "accepted") -> float:
    return float(GATEWAY_PROJECT_EVENTS.labels(project, outcome)._value.get())


def size_of(project: str, outcome: str = "accepted") -> float:
    return float(GATEWAY_PROJECT_BYTES.labels(project, outcome)._value.get())


def test_a_request_counts_for_its_project() -> None:
    """Events by outcome; bytes are accepted once anything of the request is stored."""
    meter = UsageMeter()

    meter.count("metered", 3, 1, 1000, is_stored=True)
    meter.count("metered", 0, 2, 50, is_stored=False)

    assert (events("metered"), events("metered", "rejected")) == (3, 3)
    assert (size_of("metered"), size_of("metered", "rejected")) == (1000, 50)


def test_projects_beyond_the_bound_share_a_name() -> None:
    """However many projects there are, series are bounded; those that have one keep it."""
    meter = UsageMeter(max_projects=1)
    before = events(OTHER)

    for project in ("bounded-1", "bounded-2", "bounded-3", "bounded-1"):
        meter.count(project, 1, 0, 10, is_stored=True)

    assert (events("bounded-1"), events(OTHER) - before) == (2, 2)
