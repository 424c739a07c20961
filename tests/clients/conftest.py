"""The first test of a client generation installs its packages, which takes as long as the registry does."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
TIMEOUT_SECONDS = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test of this folder time to make its environment."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))
