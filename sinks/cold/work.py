"""The mover as a service: one job at a time on a thread of its own, asked for or by the clock."""

import contextlib
import dataclasses
import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from clickhouse_connect.driver.exceptions import ClickHouseError
from croniter import croniter

from contract.cold_catalogue import Moves
from contract.cold_days import totals
from contract.cold_files import ColdFiles, cold_files
from contract.control import Directory
from contract.errors import PipelineError, RetryableError
from contract.metrics import SINK_COLD_BYTES, SINK_COLD_ROWS, SINK_COLD_RUNS, SINK_COLD_SUCCESS_SECONDS
from contract.objects import ListedStore, ObjectSettings, object_store
from contract.store import StoreSettings, connect
from sinks.cold.catalogue import Catalogue
from sinks.cold.destination import destination
from sinks.cold.export import Exporter, ExportRequest
from sinks.cold.lease import BusyError
from sinks.cold.mover import Mover
from sinks.cold.policy import ColdPolicy
from sinks.cold.report import Progress
from sinks.cold.search_index import SearchIndex
from sinks.cold.settings import ColdSettings
from sinks.cold.verifying import verify

logger = logging.getLogger(__name__)

JobName = Literal["run", "verify", "export"]
STATEMENT_SECONDS = 6 * 3600
"""Longest a statement of the mover may take; a server answers nothing until it has written an object."""
RETRY_SECONDS = 300.0
"""How long after a failure by a passing fault the schedule tries again."""


class ColdWork:
    """What there is to do with cold days, with the store, the objects and the projects' own wishes at hand."""

    def __init__(
        self,
        store: StoreSettings,
        objects: ObjectSettings,
        settings: ColdSettings,
        directory: Directory,
        is_informed: Callable[[], bool],
        moves: Moves | None = None,
    ) -> None:
        """Raise SettingsError where the store cannot reach the objects. `moves` is told to readers of the same process."""
        self._files: ColdFiles = cold_files(store, objects)
        self._store = store
        self._object_settings = objects
        self._settings = settings
        self._directory = directory
        self._is_informed = is_informed
        self._moves = moves or Moves()
        self._lock = threading.Lock()

    def run(self, say: Callable[[Progress], None]) -> dict[str, Any]:
        """Move what is due, then make the search indexes of days that stay; return the report. Raises PipelineError."""
        with self._alone(), self._client() as client:
            report = self._mover(client, say).run(_today(), list(self._directory.projects))
            SearchIndex(client, self._settings.bounds().settings()).make(_today())
        for table, rows in report.rows_written.items():
            SINK_COLD_ROWS.labels(table).inc(rows)
        SINK_COLD_BYTES.inc(report.bytes_written)
        return report.as_dict()

    def verify(self, say: Callable[[Progress], None]) -> dict[str, Any]:
        """Read everything back; return the verdict. Raises PipelineError."""
        with self._alone(), self._client() as client:
            return verify(self._catalogue(client), self._files, self._objects(), say).as_dict()

    def export(self, request: ExportRequest, say: Callable[[Progress], None]) -> dict[str, Any]:
        """Write a project's rows to where it says; return the report. Raises PipelineError."""
        to = destination(request.to, self._store, self._object_settings)
        with self._alone(), self._client() as client:
            exporter = Exporter(self._catalogue(client), self._files, self._objects(), to, request, now=_now, say=say)
            return exporter.run()

    def status(self) -> dict[str, Any]:
        """Return what is cold by project, and which days are due. Raises PipelineError."""
        with self._client() as client:
            known = self._catalogue(client).days()
            due = self._mover(client, lambda _: None).due(_today()) if self._is_informed() else {}
        days = [one.day for one in known.values()]
        projects = sorted({day.project_id for day in days})
        return {
            "projects": {
                project: {
                    **totals(own := [day for day in days if day.project_id == project]),
                    "first_date": min(day.date for day in own),
                    "last_date": max(day.date for day in own),
                }
                for project in projects
            },
            "unsettled": [f"{one.day.project_id}/{one.day.date}" for one in known.values() if not one.is_settled],
            "due": due,
        }

    def _mover(self, client: Any, say: Callable[[Progress], None]) -> Mover:
        if not self._is_informed():
            raise RetryableError("the projects' own days are not known yet: the control topic has not been read")
        policy = ColdPolicy(default=self._settings.retention(), projects=self._directory.retentions)
        # an embedded store has one owner at a time, so what it had claimed before it was killed is its own again
        owner = f"embedded:{self._store.path.resolve()}" if self._store.url is None else None
        bounds = dataclasses.replace(self._settings.bounds(), cluster=self._store.cluster)
        return Mover(client, self._files, self._objects(), policy, bounds, owner=owner, say=say)

    def _catalogue(self, client: Any) -> Catalogue:
        return Catalogue(client, self._settings.bounds().settings())

    def _objects(self) -> ListedStore:
        return object_store(self._object_settings)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise BusyError("a job is running in this process")
        try:
            with self._moves.under_way():
                yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        client = connect(dataclasses.replace(self._store, send_timeout_seconds=STATEMENT_SECONDS))
        try:
            yield client
        except (ClickHouseError, OSError) as error:
            raise RetryableError(f"the store refuses: {str(error)[:500]}") from error
        finally:
            client.close()


class ColdJobs:
    """Runs jobs on a thread, and one by the clock; `state` says how far the last one has come."""

    def __init__(self, work: ColdWork, cron: str | None) -> None:
        self._work = work
        self._cron = cron
        self._guard = threading.Lock()
        self._state: dict[str, Any] = {"job": None, "is_running": False}
        self._stopping = threading.Event()

    def start_schedule(self) -> None:
        """Begin to run by the clock, where a schedule is set."""
        if self._cron is not None:
            threading.Thread(target=self._keep_time, name="cold-schedule", daemon=True).start()

    def stop(self) -> None:
        """Begin nothing more. A job under way ends with the process: it is safe to end anywhere."""
        self._stopping.set()

    def start(self, job: JobName, request: ExportRequest | None = None) -> bool:
        """Begin a job, an export with what it is about; return False where one is running."""
        if not self._begin(job):
            return False
        threading.Thread(target=self._run, args=(job, request), name=f"cold-{job}", daemon=True).start()
        return True

    @property
    def state(self) -> dict[str, Any]:
        """Return the last job, whether it runs, how far it is, what came of it."""
        return dict(self._state)

    def status(self) -> dict[str, Any]:
        """Return what is cold. Raises PipelineError."""
        return self._work.status()

    def _begin(self, job: JobName) -> bool:
        with self._guard:
            if self._state["is_running"]:
                return False
            self._state = {"job": job, "is_running": True, "progress": None, "result": None, "error": None}
            return True

    def _run(self, job: JobName, request: ExportRequest | None = None) -> bool:
        def say(progress: Progress) -> None:
            self._state = {**self._state, "progress": dataclasses.asdict(progress)}

        result, failure = None, None
        try:
            result = self._result(job, request, say)
            logger.info("cold_%s_finished %s", job, " ".join(f"{name}={value}" for name, value in result.items()))
        except PipelineError as error:
            failure = str(error)
            logger.warning("cold_%s_failed error=%s", job, error)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            logger.exception("cold_%s_failed", job)
        if job == "run":
            SINK_COLD_RUNS.labels("failed" if failure else "done").inc()
            if failure is None:
                SINK_COLD_SUCCESS_SECONDS.set(time.time())
        self._state = {**self._state, "is_running": False, "result": result, "error": failure}
        return failure is None

    def _result(self, job: JobName, request: ExportRequest | None, say: Callable[[Progress], None]) -> dict[str, Any]:
        if request is not None:
            return self._work.export(request, say)
        return self._work.run(say) if job == "run" else self._work.verify(say)

    def _keep_time(self) -> None:
        while not self._stopping.wait(self._seconds_to_next()):
            while self._begin("run") and not self._run("run") and not self._stopping.wait(RETRY_SECONDS):
                pass

    def _seconds_to_next(self) -> float:
        now = dt.datetime.now(dt.UTC)
        following: dt.datetime = croniter(self._cron, now).get_next(dt.datetime)
        return max(1.0, (following - now).total_seconds())


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
