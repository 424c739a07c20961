"""What the mover does more where the tables are replicated. There is no cluster here: this is the order of what it would say."""

from typing import Any

import pytest

from contract.cold_days import ColdDay
from sinks.cold.catalogue import Catalogue


class FakeClient:
    """Remembers what it is told; one insert is under way for as often as asked."""

    def __init__(self, busy: int = 0) -> None:
        self.told: list[str] = []
        self._busy = busy

    def query(self, sql: str, **_more: Any) -> "FakeClient":
        """Answer the number of inserts under way."""
        self.told.append(sql)
        self.result_rows = [(self._busy,)]
        return self

    def command(self, sql: str, **_more: Any) -> None:
        """Remember."""
        self.told.append(sql)

    def insert(self, table: str, *_rows: Any, **_more: Any) -> None:
        """Remember."""
        self.told.append(f"INSERT {table}")


def catalogue(client: Any, cluster: str | None) -> Catalogue:
    return Catalogue(client, {}, cluster)


def test_a_cut_waits_for_inserts_and_rows_of_all_replicas() -> None:
    """First no insert anywhere, then everything that was inserted elsewhere is here."""
    client = FakeClient()

    assert not catalogue(client, "sluice").is_busy(1.0)

    assert "clusterAllReplicas('sluice', system.processes)" in client.told[0]
    assert client.told[1:] == [f"SYSTEM SYNC REPLICA {table}" for table in ("traces", "observations", "scores")]


def test_while_an_insert_is_under_way_nothing_is_cut() -> None:
    """On whichever replica it is."""
    assert catalogue(FakeClient(busy=1), "sluice").is_busy(1.0)


@pytest.mark.parametrize("cluster", [None, "sluice"])
def test_a_day_is_known_everywhere_before_its_rows_are_dropped(cluster: str | None) -> None:
    """Publishing returns when every replica has it; a single server has nobody to wait for."""
    client = FakeClient()
    day = ColdDay(project_id="p", date="2026-11-01", generation=1, cut_us=1, objects={})

    catalogue(client, cluster).put(day, is_settled=False)

    assert client.told == ["INSERT cold_days", *(["SYSTEM SYNC REPLICA ON CLUSTER 'sluice' cold_days"] if cluster else [])]
