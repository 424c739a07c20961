"""Whether a worker may still write."""

import pytest

from processors.agents import LostOwnershipError, Ownership


def test_joining_the_group_is_no_pause() -> None:
    """However long the first beat takes to come, because the group waits for a member that was killed; a gap after it counts."""
    ownership = Ownership(list, patience_seconds=-1.0)
    ownership.beat()

    with pytest.raises(LostOwnershipError, match="held still"):
        ownership.beat()
