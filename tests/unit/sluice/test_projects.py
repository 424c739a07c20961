"""Ids of projects."""

import argparse

import pytest

from sluice.projects import checked_id


@pytest.mark.parametrize("project_id", ["demo", "team-a.prod_2", "7"])
def test_plain_ids_are_taken(project_id: str) -> None:
    """Letters, digits and a little punctuation."""
    assert checked_id(project_id) == project_id


@pytest.mark.parametrize("project_id", ["", "a/b", "../x", "-x", "a b", "x" * 101])
def test_ids_that_would_break_a_path_are_refused(project_id: str) -> None:
    """An id is part of object names, Kafka keys and URLs."""
    with pytest.raises(argparse.ArgumentTypeError):
        checked_id(project_id)
