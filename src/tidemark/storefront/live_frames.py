"""Frames of the live stream: their text, their numbers, and those of the last minutes, for a browser that comes back."""

import re
from collections import deque
from dataclasses import dataclass
from typing import Any

import orjson

REMEMBERED_SECONDS = 300.0
"""How long a frame is kept for a browser that was away."""

HEARTBEAT = b": still here\n\n"
"""A comment: it keeps proxies from ending a stream in which nothing happens."""

_LAST_ID = re.compile(r"([0-9a-f]{8})-([0-9]{1,15})")


def encode(event: str, data: dict[str, Any], frame_id: str = "") -> bytes:
    """One event as server-sent events have it; JSON has no line feed, so `data` is one line."""
    head = f"id: {frame_id}\n" if frame_id else ""
    return f"{head}event: {event}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


def shortened(text: str) -> str:
    """An id as others may see it: enough to tell two apart, too little to know whose it is."""
    return f"{text[:2]}…{text[-1]}" if len(text) > 4 else "…"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its number, when it was made (seconds that only grow), and its text for admins and for everybody else."""

    number: int
    at: float
    admin: bytes
    everybody: bytes

    def text(self, *, admin: bool) -> bytes:
        """The text for one or the other."""
        return self.admin if admin else self.everybody


class Ring:
    """The frames of the last five minutes.

    Args:
        epoch: eight hexadecimal digits of this process: numbers of another one mean nothing here.
        most: frames that are kept at most.
    """

    def __init__(self, epoch: str, most: int = 1_000) -> None:
        self._epoch = epoch
        self._frames: deque[Frame] = deque(maxlen=most)
        self.last = 0

    @property
    def last_id(self) -> str:
        """The id of the newest frame; of none yet, that of the place before the first."""
        return self._id(self.last)

    def add(self, event: str, admin: dict[str, Any], everybody: dict[str, Any] | None, at: float) -> Frame:
        """Number a frame and keep it.

        Args:
            event: its name.
            admin: what admins see.
            everybody: what all others see; None: the same.
            at: seconds that only grow.
        """
        self.last += 1
        text = encode(event, admin, self._id(self.last))
        other = text if everybody is None else encode(event, everybody, self._id(self.last))
        frame = Frame(self.last, at, text, other)
        self._frames.append(frame)
        while self._frames[0].at < at - REMEMBERED_SECONDS:
            self._frames.popleft()
        return frame

    def after(self, last_id: str, at: float) -> list[Frame] | None:
        """The frames after the one with this id; None where it cannot be said which: begin anew."""
        parts = _LAST_ID.fullmatch(last_id)
        if not parts or parts[1] != self._epoch:
            return None
        number = int(parts[2])
        if number > self.last:
            return None
        newer = [frame for frame in self._frames if frame.number > number]
        if len(newer) < self.last - number or (newer and newer[0].at < at - REMEMBERED_SECONDS):
            return None
        return newer

    def _id(self, number: int) -> str:
        return f"{self._epoch}-{number}"
