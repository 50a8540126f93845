"""The DAG `load_reviews`: nothing is loaded that was not validated, and who waits for the reviews is told in time."""

from typing import Any


def test_what_is_loaded_was_landed_and_validated_before(bag: dict[str, Any]) -> None:
    tasks = bag["load_reviews"].task_dict
    before = {name: task.get_flat_relative_ids(upstream=True) for name, task in tasks.items()}
    assert before["land"] == set()
    assert "land" in before["validate"]
    assert {"land", "validate"} <= before["load"]
    assert before["report"] == before["tell"] == set(tasks) - {"report", "tell"}


def test_reviews_are_told_of_when_they_are_stored_and_interactions_at_the_end(bag: dict[str, Any]) -> None:
    tasks = bag["load_reviews"].task_dict
    assert [asset.name for asset in tasks["load"].outlets] == ["reviews"]
    assert [asset.name for asset in tasks["tell"].inlets] == ["reviews"]
    assert [asset.name for asset in tasks["tell"].outlets] == ["interactions"]
    assert (
        tasks["tell"].trigger_rule == "all_done"
    )  # a training that waited for a load that failed must not wait for ever
    assert not tasks["report"].outlets
    assert not tasks["land"].outlets
    assert not tasks["validate"].outlets


def test_it_starts_by_hand_with_a_source(bag: dict[str, Any]) -> None:
    dag = bag["load_reviews"]
    assert dag.schedule is None
    assert {"source", "products", "release"} <= set(dag.params)
    assert dag.params["source"] == "builtin"  # what `make run` loads where nobody says more
