"""Recommendation ids: what was shown, by which model, where and when, in a text that nobody else can make.

A click that bears one is attributed without a look-up. The id holds neither the user nor a hash of them: its signature
counts for the user it was made for, so that ids of one person, in an address or a log, cannot be put together.

    1 byte: version | 6: milliseconds since 1970 | 8: random | then model, arm and placement, each after 1 byte with its
    length in UTF-8 | 16: the first half of HMAC-SHA256 over all that and the user

in base64 for URLs, without padding: some 80 characters.
"""

import hashlib
import hmac
import random
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tidemark.errors import SettingError

LIFETIME = timedelta(days=7)
AHEAD = timedelta(days=1)
"""An id from further in the future was made by a clock that is wrong."""
LONGEST = 1_200
"""Characters of the longest id there can be; what is longer is not even decoded."""

_VERSION, _HEAD, _TAG = 1, 15, 16
_FIRST = bytes([_VERSION])
_BLOCK = 64
"""Bytes of a block of SHA-256."""
_PURPOSE = b"tidemark recommendation id"


@dataclass(frozen=True, slots=True)
class Shown:
    """What an id says.

    Args:
        model_id: the model that made the list.
        arm: of which experiment's arm it was; empty: of none.
        placement: where it was shown.
        shown_at: when, UTC.
    """

    model_id: str
    arm: str
    placement: str
    shown_at: datetime


class Signer:
    """Makes and reads the ids of one deployment.

    Args:
        secret: `TIDEMARK_SHOP_SECRET`, the same for all workers.

    Raises:
        SettingError: there is no secret: anybody could sign.
    """

    def __init__(self, secret: str) -> None:
        if not secret:
            raise SettingError("TIDEMARK_SHOP_SECRET is not set: recommendation ids cannot be signed")
        # A key of its own: what is signed for another purpose with the same secret is no id, and no id is that.
        key = hmac.digest(secret.encode(), _PURPOSE, "sha256").ljust(_BLOCK, b"\0")
        # HMAC (RFC 2104) from two states that know the key already: by `hmac` one signature takes three times as long.
        self._inner, self._outer = (hashlib.sha256(bytes(byte ^ pad for byte in key)) for pad in (0x36, 0x5C))

    def sign(self, model_id: str, arm: str, placement: str, user_id: str | None, now: datetime) -> str:
        """A new id of a list that `user_id` (None: somebody unknown) is shown at `now`; two are never the same.

        Raises:
            ValueError: one of the texts is longer than 255 bytes.
        """
        head = _FIRST + int(now.timestamp() * 1000).to_bytes(6, "big") + random.getrandbits(64).to_bytes(8, "big")
        body = head + _texts(model_id, arm, placement)
        return urlsafe_b64encode(body + self._tag(body, user_id)).rstrip(b"=").decode()

    def read(self, text: str, user_id: str | None, now: datetime) -> Shown | None:
        """What the id `text` says of a list that was shown to `user_id`.

        None, whatever the text is: where it was forged, was made for somebody else, or is older than `LIFETIME`.
        """
        if len(text) > LONGEST:
            return None
        try:
            signed = b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        if urlsafe_b64encode(signed).rstrip(b"=") != text.encode():
            return None  # another spelling of the same bytes: one id is one text, so that it can be counted once
        body, tag = signed[:-_TAG], signed[-_TAG:]
        if not hmac.compare_digest(tag, self._tag(body, user_id)) or body[0] != _VERSION:
            return None
        shown_at = datetime.fromtimestamp(int.from_bytes(body[1:7], "big") / 1000, UTC)
        if not -AHEAD <= now - shown_at <= LIFETIME:
            return None
        texts, at = [], _HEAD
        while at < len(body):
            start, at = at + 1, at + 1 + body[at]
            texts.append(body[start:at].decode())
        model_id, arm, placement = texts
        return Shown(model_id, arm, placement, shown_at)

    def _tag(self, body: bytes, user_id: str | None) -> bytes:
        """The signature; the length of `body` keeps it and the user apart."""
        of_user = b"" if user_id is None else b"u" + user_id.encode("utf-8", "surrogatepass")
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(len(body).to_bytes(4, "big") + body + of_user)
        outer.update(inner.digest())
        return outer.digest()[:_TAG]


@lru_cache(maxsize=256)
def _texts(*texts: str) -> bytes:
    """Model, arm and placement as an id has them: there are few, and each is in thousands of ids."""
    encoded = [text.encode() for text in texts]
    if max(map(len, encoded)) > 255:
        raise ValueError("model, arm and placement of a recommendation id have at most 255 bytes each")
    return b"".join(bytes([len(text)]) + text for text in encoded)
