"""What each signed-in user is told of their own: their list changed, and why; where Kafka has what they were shown.

Only users who are looking, or have a moment ago, are followed; of everybody else only the newest lists are remembered, so
that whoever opens a page is told of what it showed.
"""

import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any

from tidemark.storefront.live_frames import REMEMBERED_SECONDS, Frame, Ring
from tidemark.stream.attribution import Exposure

USERS, LISTS = 5_000, 10
"""Users whose newest lists are remembered, and how many of each."""
WAITING = 50
"""Things that one frame tells of one user, at most; the page looks at its list anew whatever they are."""
FRAMES = 100
"""Frames that are kept of one user for a page that comes back."""


class _User:
    """One user who is followed."""

    def __init__(self) -> None:
        self.ring = Ring(secrets.token_hex(4), FRAMES)  # who comes back after being forgotten begins anew
        self.waiting: deque[tuple[str, Any]] = deque(maxlen=WAITING)
        self.pages = 0
        self.left_at = 0.0


class Own:
    """Everybody's own. Any thread may tell it something; the loop that serves pages takes.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._users: dict[str, _User] = {}
        self._lists: OrderedDict[str, deque[dict[str, Any]]] = OrderedDict()

    def came(self, user_id: str, last_id: str) -> tuple[str, list[Frame] | None, list[dict[str, Any]]]:
        """A page of the user is opened.

        Returns:
            the id of the newest frame, the frames that it missed (None: it begins anew), and the user's newest lists.
        """
        with self._lock:
            user = self._users.setdefault(user_id, _User())
            user.pages += 1
            lists = [{name: each[name] for name in each if name != "items"} for each in self._lists.get(user_id, ())]
            return user.ring.last_id, user.ring.after(last_id, self._clock()), lists

    def left(self, user_id: str) -> None:
        """A page of the user was closed; it may come back."""
        with self._lock:
            if user := self._users.get(user_id):
                user.pages -= 1
                user.left_at = self._clock()

    def acted(self, user_id: str, item_id: str) -> None:
        """The user took something: their list is another one now."""
        self._tell(user_id, "interaction", item_id)

    def deleted(self, user_id: str, interaction_id: str) -> None:
        """The user deleted something that they did: their list is another one now."""
        self._tell(user_id, "deleted", interaction_id)

    def shown(self, exposure: Exposure, partition: int, offset: int) -> None:
        """Kafka has a list of the user: the page is told where; it is no reason to look at the list anew."""
        if exposure.user_id is None:
            return
        place = {"recommendation_id": exposure.recommendation_id, "partition": partition, "offset": offset}
        with self._lock:
            lists = self._lists.setdefault(exposure.user_id, deque(maxlen=LISTS))
            lists.append(place | {"items": frozenset(exposure.item_ids)})
            self._lists.move_to_end(exposure.user_id)
            while len(self._lists) > USERS:
                self._lists.popitem(last=False)
        self._tell(exposure.user_id, "shown", place)

    def champion(self, model_id: str) -> None:
        """Another model is live: everybody's list is another one now."""
        with self._lock:
            for user in self._users.values():
                user.waiting.append(("champion", model_id))

    def withdrawn(self, item_ids: Iterable[str]) -> None:
        """Items can no longer be had: for whoever was shown one of them."""
        gone = frozenset(item_ids)
        with self._lock:
            for user_id, user in self._users.items():
                had = frozenset().union(*(each["items"] for each in self._lists.get(user_id, ())))
                user.waiting.extend(("withdrawn", item_id) for item_id in sorted(gone & had))

    def take(self) -> list[tuple[str, Frame]]:
        """One frame for each user of whom something was told since this was last called; forgets who is long gone."""
        now, made = self._clock(), []
        with self._lock:
            for user_id, user in list(self._users.items()):
                if user.pages <= 0 and user.left_at < now - REMEMBERED_SECONDS:
                    del self._users[user_id]
                elif user.waiting:
                    event, data = _told(list(user.waiting))
                    user.waiting.clear()
                    made.append((user_id, user.ring.add(event, data, None, now)))
        return made

    def _tell(self, user_id: str, kind: str, what: object) -> None:
        with self._lock:
            if user := self._users.get(user_id):
                user.waiting.append((kind, what))


def _told(waiting: list[tuple[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The event and its data: `changed`, where the list is to be looked at anew, else `shown`."""
    reasons: dict[str, Any] = {}
    for kind, what in waiting:
        if kind == "champion":
            reasons[kind] = what
        else:
            reasons.setdefault(kind, []).append(what)
    return ("shown" if set(reasons) == {"shown"} else "changed"), reasons
