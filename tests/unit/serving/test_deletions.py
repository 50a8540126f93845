"""What users deleted: known once, in whatever order, and told by a number that is the same everywhere."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from tidemark.serving.deletions import Deletion, Deletions

AT = datetime(2026, 1, 1, tzinfo=UTC)


def deletion(key: str, user: str = "u", hours: float = 0) -> Deletion:
    return Deletion(key, user, AT + timedelta(hours=hours))


def known(*deletions: Deletion, db: Any = None) -> Deletions:
    made = Deletions(db)
    made.add(deletions)
    return made


def test_each_is_known_once_and_told_once():
    made = known(deletion("t-0-0"), deletion("t-0-1", "v"), deletion("t-0-0"))
    assert "t-0-0" in made
    assert "t-0-2" not in made
    assert [one.id for one in made.after(0)] == ["t-0-0", "t-0-1"]
    assert [one.id for one in made.after(1)] == ["t-0-1"]
    assert len(made) == 2


def test_the_version_stands_for_what_was_deleted_since_whatever_came_first():
    a, b, old = deletion("t-0-0"), deletion("t-0-1", hours=1), deletion("t-0-2", hours=-1)
    assert known(a, b).version("u", AT) == known(old, b, a).version("u", AT) != 0
    versions = [known(*some).version("u", AT) for some in ((), (a,), (b,), (a, b))]
    assert len(set(versions)) == len(versions)
    assert known(old).version("u", AT) == known(a).version("v", AT) == 0
    assert all(version < 2**53 for version in versions)  # a double has it exactly


def test_what_others_delete_is_read_and_only_once():
    there = [{"_id": "t-0-0", "user_id": "u", "deleted_at": AT}]
    made = Deletions({"deleted_interactions": SimpleNamespace(find=lambda *_: there)})  # type: ignore[arg-type]
    for _ in range(2):
        made.look()
    assert [one.id for one in made.after(0)] == ["t-0-0"]
    there.append({"_id": "t-0-1", "user_id": "u", "deleted_at": AT})
    made.look()
    assert [one.id for one in made.after(1)] == ["t-0-1"]
