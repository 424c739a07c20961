"""What every test shares: Hypothesis without wall-clock judgements, because the machines it runs on are shared, and the embedded stack.

A test run draws the same examples each time, so that a verdict on a change is about the change; `make fuzz` draws new ones, and many.

The stack is started once a run, on free ports and a directory of its own, for the first test that asks for it.
"""

from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from sluice.embedded import running
from sluice.embedded.endpoints import Endpoints
from sluice.embedded.running import RunningStack

settings.register_profile("sluice", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True, derandomize=True)
settings.register_profile("fuzz", settings.get_profile("sluice"), derandomize=False, max_examples=2000)
settings.load_profile("sluice")

STARTED = pytest.StashKey[RunningStack]()


@pytest.fixture(scope="session")
def running_stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Yield the running stack, for tests that need its logs or its process; every process is stopped by pid at the end."""
    stack = running.start(tmp_path_factory.mktemp("stack"))
    request.config.stash[STARTED] = stack
    try:
        yield stack
    finally:
        if stack.process.poll() is None:
            stack.stop()


@pytest.fixture
def stack(running_stack: RunningStack) -> Endpoints:
    """Return where everything is right now."""
    return running_stack.endpoints


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the stack's logs beside a failure of a test that used it."""
    report = yield
    started = item.config.stash.get(STARTED, None)
    if report.failed and started is not None and "running_stack" in getattr(item, "fixturenames", ()):
        report.sections.append(("logs of the stack", started.logs()))
    return report
