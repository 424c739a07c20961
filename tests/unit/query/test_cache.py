"""The memory of aggregates."""

from query.cache import AggregateCache


def test_what_was_kept_is_answered_while_nothing_changed() -> None:
    """The same question, the same state of the store, within its time."""
    cache = AggregateCache(ttl_us=10)
    cache.put("question", 1, "answer", now_us=100)

    assert cache.get("question", 1, 109) == "answer"


def test_a_changed_store_or_an_old_answer_is_forgotten() -> None:
    """Either is enough."""
    cache = AggregateCache(ttl_us=10)
    cache.put("question", 1, "answer", now_us=100)

    assert [cache.get("question", 2, 101), cache.get("question", 1, 110), cache.get("other", 1, 101)] == [None, None, None]


def test_the_least_recently_used_goes_first() -> None:
    """The memory is bounded."""
    cache = AggregateCache(ttl_us=10, max_entries=2)
    for name in ("a", "b"):
        cache.put(name, 1, name, 0)
    cache.get("a", 1, 0)

    cache.put("c", 1, "c", 0)

    assert [cache.get(name, 1, 0) for name in ("a", "b", "c")] == ["a", None, "c"]


def test_zero_turns_it_off() -> None:
    """No time to keep anything."""
    assert [AggregateCache(0).is_on, AggregateCache(1).is_on] == [False, True]
