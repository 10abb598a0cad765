"""The cache loads once, never drops what is leased, keeps to its budget, and survives failures."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from perflow_demo.errors import LoadError, OutOfMemory
from perflow_demo.registry.cache import Cache


def make_cache(budget=100):
    """A cache of byte strings, each as large as it is long."""
    return Cache(lambda: budget, len)


def use(cache, key, size):
    with cache.lease(key, lambda: b"x" * size, lambda: size) as value:
        return value


def resident(cache):
    return [entry.key for entry in cache.status()]


def test_many_threads_asking_at_once_cause_one_load():
    cache, loads, everyone_asks = make_cache(), [], threading.Barrier(16)
    go = threading.Event()

    def load():
        loads.append(threading.get_ident())
        go.wait(10)
        return b"value"

    def ask(_):
        everyone_asks.wait(10)
        with cache.lease("key", load, lambda: 5) as value:
            return value

    with ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(ask, i) for i in range(16)]
        go.set()
        values = [answer.result(10) for answer in answers]
    assert len(loads) == 1
    assert all(value is values[0] for value in values)


def test_different_keys_load_side_by_side():
    cache, both_loading = make_cache(), threading.Barrier(2)

    def load():
        both_loading.wait(10)  # breaks unless the other load is under way too
        return b"value"

    def ask(key):
        with cache.lease(key, load, lambda: 5) as value:
            return value

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ask, "ab")) == [b"value", b"value"]


def test_the_least_recently_used_goes_first():
    cache = make_cache(budget=100)
    for key in "abc":
        use(cache, key, 30)
    use(cache, "a", 30)
    use(cache, "d", 30)
    assert resident(cache) == ["d", "a", "c"]


def test_the_budget_holds_and_a_leased_value_stays():
    cache = make_cache(budget=100)
    with cache.lease("leased", lambda: b"x" * 60, lambda: 60):
        for key in range(5):
            use(cache, key, 40)
            assert sum(entry.bytes for entry in cache.status()) <= 100
            assert "leased" in resident(cache)
        with pytest.raises(OutOfMemory, match="PERFLOW_MEMORY_BUDGET"):
            use(cache, "large", 50)
    assert use(cache, "large", 50)


def test_room_is_made_before_loading():
    cache = make_cache(budget=100)
    use(cache, "old", 80)
    with cache.lease("new", lambda: bytes(80) if "old" not in resident(cache) else b"", lambda: 80):
        assert resident(cache) == ["new"]
        assert cache.status()[0].bytes == 80


def test_a_value_larger_than_expected_is_not_kept():
    cache = make_cache(budget=100)
    with pytest.raises(OutOfMemory), cache.lease("key", lambda: bytes(200), lambda: 10):
        pytest.fail("lent more than the budget allows")
    assert cache.status() == ()


def test_a_failed_load_leaves_nothing_and_the_next_request_works():
    cache = make_cache()

    def fail():
        raise LoadError("broken; fix it.")

    with pytest.raises(LoadError), cache.lease("key", fail, lambda: 60):
        pytest.fail("lent what did not load")
    assert cache.status() == ()
    assert use(cache, "other", 90)  # the room reserved for the failure is free again
    assert use(cache, "key", 5) == b"xxxxx"


def test_those_who_waited_for_a_failed_load_try_for_themselves():
    cache, tries, first_fails = make_cache(), [], threading.Event()

    def load():
        tries.append(threading.get_ident())
        if len(tries) == 1:
            first_fails.wait(10)
            raise LoadError("broken; fix it.")
        return b"value"

    def ask(_):
        with cache.lease("key", load, lambda: 5) as value:
            return value

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, i) for i in range(8)]
        first_fails.set()
        failures = [answer.exception(10) for answer in answers]
    assert [type(failure) for failure in failures if failure] == [LoadError]
    assert len(tries) == 2


def test_unload_drops_one_or_all_but_never_what_is_leased():
    cache, freed = Cache(lambda: 100, len, lambda: freed.append(True)), []
    for key in "abc":
        use(cache, key, 10)
    assert cache.unload("b") == 10
    assert cache.unload("b") == 0
    with cache.lease("a", lambda: b"", lambda: 0) as value:
        assert cache.unload() == 10
        assert resident(cache) == ["a"]
        assert value == b"x" * 10
    assert cache.unload() == 10
    assert len(freed) == 3


def test_status_counts_leases_and_ages():
    cache = make_cache()
    use(cache, "idle", 3)
    with cache.lease("busy", lambda: b"1234", lambda: 4), cache.lease("busy", bytes, lambda: 0):
        busy, idle = cache.status()
    assert (busy.key, busy.bytes, busy.leases) == ("busy", 4, 2)
    assert (idle.key, idle.bytes, idle.leases) == ("idle", 3, 0)
    assert idle.age_seconds >= idle.idle_seconds >= 0


def test_an_error_during_a_lease_ends_it():
    cache = make_cache()
    with pytest.raises(ZeroDivisionError), cache.lease("key", lambda: b"1", lambda: 1):
        raise ZeroDivisionError
    assert cache.status()[0].leases == 0


def test_a_storm_of_requests_keeps_every_promise():
    cache = make_cache(budget=100)
    over_budget = []

    def ask(number):
        key = number % 7
        with cache.lease(key, lambda: bytes([key]) * 20, lambda: 20) as value:
            if sum(entry.bytes for entry in cache.status()) > 100:
                over_budget.append(number)
            return value == bytes([key]) * 20

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(ask, range(700)))
    assert not over_budget
    assert all(entry.leases == 0 for entry in cache.status())


def test_what_is_being_brought_back_counts_already():
    """Another load meanwhile must not take the room it comes back to."""

    class Shelf:
        def room(self):
            return 100

        def park(self, value):
            pass

        def bring_back(self, value):
            with pytest.raises(OutOfMemory):
                use(cache, "other", 60)

    cache = Cache(lambda: 100, len, parking=Shelf)
    use(cache, "first", 60)
    use(cache, "second", 60)
    assert [entry.key for entry in cache.status() if entry.parked] == ["first"]
    use(cache, "first", 60)
    assert [entry.key for entry in cache.status() if not entry.parked] == ["first"]
