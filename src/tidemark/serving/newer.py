"""What is newer than a model, by user: one thread writes, any number read, and no reader waits."""

from hashlib import blake2b

from tidemark.serving.events import Event

_SENT_AGAIN = "replay:"
"""Begins the one kind of id that may come twice: `keys.of_replayed`."""
_VERSION_BYTES = 6
"""Of a version: 2^48 values, and still exact where JSON or a script reads it as a float."""


def _mark(event: Event) -> int:
    return int.from_bytes(blake2b(event.id.encode(), digest_size=_VERSION_BYTES).digest(), "big")


class Newer:
    """Events by user, at most `limit` of them.

    Attributes:
        kept: events that are held.
        beyond: events that came when it was full, and are not held: the oldest stay, so that what is held of a user has
            no gap before its end.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._events: dict[str, list[Event]] = {}
        self._versions: dict[str, int] = {}
        self._sent_again: dict[str, Event] = {}
        self.kept = self.beyond = 0

    def of(self, user_id: str) -> tuple[Event, ...]:
        """The events of a user, as they came."""
        return tuple(self._events.get(user_id, ()))

    def version(self, user_id: str) -> int:
        """A number that stands for exactly these events of the user, in every process that holds them; 0 for none.

        It is made of their ids and not counted: two workers that got the same by other ways say the same, and after a
        roll-back and back again the number that meant other events does not come again.
        """
        return self._versions.get(user_id, 0)

    def keep(self, event: Event) -> bool:
        """Hold one more; False where it is full. The same id again takes the place of the first, as in MongoDB."""
        if event.id.startswith(_SENT_AGAIN) and (before := self._sent_again.get(event.id)):
            self._remove(before)
        if self.kept >= self._limit:
            self.beyond += 1
            return False
        if event.id.startswith(_SENT_AGAIN):
            self._sent_again[event.id] = event
        self._events.setdefault(event.user_id, []).append(event)
        # After the events: who reads the version first and the events then gets at least what the version stands for.
        self._versions[event.user_id] = self.version(event.user_id) ^ _mark(event)
        self.kept += 1
        return True

    def drop(self, user_id: str, event_id: str) -> None:
        """Hold an event of a user no longer: it was deleted. Nothing where it is not held."""
        for event in self._events.get(user_id, ()):
            if event.id == event_id:
                self._remove(event)
                return

    def _remove(self, event: Event) -> None:
        """Take out an event; whoever reads meanwhile has the whole list of before or of after."""
        self._events[event.user_id] = [other for other in self._events[event.user_id] if other.id != event.id]
        self._versions[event.user_id] = self.version(event.user_id) ^ _mark(event)
        self._sent_again.pop(event.id, None)
        self.kept -= 1
