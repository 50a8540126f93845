"""Answers: what was asked for a person, and what they get, each item with the way it came by.

Ways, in the order in which they are tried, and named in every answer:

| way | when |
|---|---|
| `stored` | the model's list, as it was published: nothing newer is known of the user |
| `fold_in` | newer interactions, a filter, or a longer list than was stored: scored from the whole history |
| `popular` | no history; and where a filter leaves too few of the above. The recent window's most taken, first of the last category |
| `content` | items that nobody has taken yet: in their share of the places of the first two, and at the end |

Where the question is an item and not a person:

| way | when |
|---|---|
| `neighbours` | the same people take both |
| `similar` | the model places both: the cosine of their factors |
| `content` | nobody has taken the item: what its texts place near it |
| `category` | it knows nothing of the item: the most taken of the item's narrowest category |

Where it is what came lately:

| way | when |
|---|---|
| `new` | somebody has taken it: the later anybody first did, the newer it is. Else it is `content` |
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tidemark.serving.filters import OPEN, Filter

STORED, FOLD_IN, POPULAR, CONTENT = "stored", "fold_in", "popular", "content"
NEIGHBOURS, SIMILAR, CATEGORY = "neighbours", "similar", "category"
NEW = "new"


class Ask(NamedTuple):
    """What a caller wants for one user.

    Args:
        user_id: whom for; None: somebody unknown, whose items are in `session`.
        n: how many items, 1 to 100.
        filter: what is allowed.
        include_seen: whether items that the user has may come again.
        session: item_ids that somebody unknown has taken, newest last; each counts as one event of the default type.
        explain: whether each item says which of the user's items (`Listed.because`), and which member of a blend, brought it.
        popular: whether the most taken of the recent window is wanted, less what the user has, whatever the model knows of
            them: what a model is compared with in an experiment.
    """

    user_id: str | None = None
    n: int = 10
    filter: Filter = OPEN
    include_seen: bool = False
    session: tuple[str, ...] = ()
    explain: bool = False
    popular: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a score one item of the history brings; the shares of all that bring something add up to 1."""

    item_id: str
    share: float


class Listed(NamedTuple):
    """One item of an answer. `score` is comparable within one method of one answer only; `brought_by`: the member of a blend,
    where it is one and the way goes by it."""

    item_id: str
    position: int
    score: float
    method: str
    title: str = ""
    price: float | None = None
    because: tuple[Share, ...] = ()
    brought_by: str = ""


class Answer(NamedTuple):
    """What a person gets.

    Args:
        user_id: as asked.
        model_id: the model; None before there is one.
        method: the way of the first item; `popular` where there is none.
        made_at: when the model was made, UTC.
        fresh: whether all that is newer than the model, up to some seconds ago, was taken into account.
        stale: whether a part was away, and an older way was taken instead.
        short: whether fewer items than asked for could be found.
        items: best first, no item twice.
        version: changes whenever the same question may get another answer: model, the user's newest interactions, catalogue;
            see `ways.version`.
    """

    user_id: str | None
    model_id: str | None
    method: str
    made_at: datetime | None
    fresh: bool
    stale: bool
    short: bool
    items: tuple[Listed, ...]
    version: str
