"""What programs send and get: pydantic models, from which the description is made. A field that is not here is refused."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from tidemark.serving.filters import OPEN, Filter
from tidemark.storefront.api_values import TEXT, Count, Id, Price, Strict, Truth, Word

MOST_EXCLUDED = 200
MOST_USERS = 100
MOST_SENT = 1_000
PLACEMENT = r"^[a-z][a-z0-9_-]{0,31}$"


class Wish(Strict):
    """Which items are allowed."""

    category: Word | None = Field(None, description="a category that each item must be in, at any level")
    price_min: Price | None = Field(None, description="the least price; an item without a price is in no range")
    price_max: Price | None = Field(None, description="the greatest price")
    exclude: list[Id] = Field(default=[], max_length=MOST_EXCLUDED, description="item_ids that must not be shown")

    def filter(self) -> Filter:
        """The wish as serving takes it; where nothing is wished, the one filter that allows everything."""
        if self.category is None and self.price_min is None and self.price_max is None and not self.exclude:
            return OPEN
        return Filter(self.category, self.price_min, self.price_max, frozenset(self.exclude))


class CountedWish(Wish):
    """Which items, and how many."""

    n: Count = Field(10, description="how many items")


class ListWish(CountedWish):
    """What is wished of a list for a person."""

    placement: str = Field("api", pattern=PLACEMENT, description="where it will be shown; figures are told by it")
    explain: Truth = Field(
        False, description="whether each item says which of the user's items, and which recommender, brought it"
    )


class RecommendationWish(ListWish):
    """What is wished for one user."""

    seen: Literal["exclude", "include"] = Field("exclude", description="whether items that the user has may come again")


class BatchWish(RecommendationWish):
    """The same wish for many users."""

    users: list[Id] = Field(min_length=1, max_length=MOST_USERS, description="user_ids")


class SessionWish(ListWish):
    """What is wished for somebody unknown, of whom these items are known."""

    items: list[Id] = Field(min_length=1, max_length=100, description="item_ids that they took, the newest last")


class ShareOut(BaseModel):
    """How much of a score an item of the history brings."""

    item_id: str
    share: float = Field(ge=0, le=1.000001)


class ItemOut(BaseModel):
    """One item of an answer."""

    item_id: str
    position: int = Field(ge=1)
    score: float = Field(description="comparable within one method of one answer only")
    method: str = Field(description="the way that the item came by: stored, fold_in, popular, content, ...")
    title: str
    price: float | None
    because: list[ShareOut] = Field(default=[], description="only where `explain` was asked for")
    brought_by: str | None = Field(
        None,
        description="the member of a blend whose part of the score is the greatest: als_implicit, item_knn, transitions, ...; "
        "only where `explain` was asked for, null where the model is no blend",
    )


class ListOut(BaseModel):
    """Items, best first, and how they came about."""

    model_id: str | None
    method: str = Field(description="the way of the first item")
    made_at: datetime | None = Field(description="when the model was made")
    age_seconds: float | None = Field(description="how long ago that was")
    fresh: bool = Field(description="whether all that is newer than the model, up to some seconds ago, is in it")
    stale: bool = Field(description="whether a server was away and an older way was taken")
    short: bool = Field(description="whether fewer items than asked for could be found")
    items: list[ItemOut]


class RecommendationsOut(ListOut):
    """What a person gets."""

    user_id: str | None
    arm: str = Field(description="of the experiment that the user is in; champion: of none")
    recommendation_id: str | None = Field(
        description="to be sent with the interactions that come of it (field `recommendation_id`), within 7 days"
    )


class BatchOut(BaseModel):
    """One answer for each user, in the order asked for."""

    answers: list[RecommendationsOut]


class BecauseOut(BaseModel):
    """Which of the user's items bring an item, the strongest first; empty where nothing of them does."""

    user_id: str
    item_id: str
    because: list[ShareOut]


class InteractionsIn(Strict):
    """Interactions to take."""

    interactions: list[Any] = Field(min_length=1, max_length=MOST_SENT)


class RejectedOut(BaseModel):
    """One that was not taken."""

    index: int = Field(ge=0, description="its place in what was sent, from 0")
    reason: str


class TakenOut(BaseModel):
    """What was taken: on all copies of Kafka. The others are in `rejected`."""

    accepted: int = Field(ge=0)
    rejected: list[RejectedOut]


class IdempotencyIn(BaseModel):
    """Headers by which a request may be repeated."""

    idempotency_key: str | None = Field(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]+$",
        description="of your choice, for 24 hours: the same request with it is answered, and not done, again",
    )


class ItemIn(Strict):
    """What a program says of an item; what it does not say stays as the products' files have it."""

    title: Annotated[str, Field(max_length=1_000, pattern=TEXT)] | None = None
    brand: Annotated[str, Field(max_length=200, pattern=TEXT)] | None = None
    category: Word | None = Field(None, description="its main category")
    categories: list[Word] | None = Field(None, max_length=20, description="from broad to narrow")
    price: Price | None = None
    description: Annotated[str, Field(max_length=20_000, pattern=TEXT)] | None = None
    image: Annotated[str, Field(max_length=2_000, pattern=r"^https?://[!-~]+$")] | None = Field(
        None, description="address of a picture"
    )
    available: Annotated[bool, Field(strict=True)] = Field(True, description="false hides it at once")


class NamedItemIn(ItemIn):
    """An item of many."""

    item_id: Id


class ItemsIn(Strict):
    """Items to store."""

    items: list[NamedItemIn] = Field(min_length=1, max_length=MOST_SENT)


class StoredOut(BaseModel):
    """How many items were stored; answers know them within two seconds."""

    stored: int
    updated_at: datetime


class HistoryWish(Strict):
    """Which part of a history."""

    n: Count = Field(50, description="how many interactions")
    cursor: str | None = Field(
        None,
        min_length=1,
        max_length=600,
        description="`next_cursor` of the answer before; left out: from the newest on",
    )


class InteractionOut(BaseModel):
    """One interaction of a user."""

    interaction_id: str = Field(description="by which it can be deleted")
    item_id: str
    timestamp: datetime
    weight: float
    rating: float | None
    event_type: str | None
    source: str


class HistoryOut(BaseModel):
    """Interactions of a user, the newest first."""

    user_id: str
    interactions: list[InteractionOut]
    next_cursor: str | None = Field(description="null: there are no older ones")


class ErasureWish(Strict):
    """Who is to be erased."""

    user_id: Id = Field(description="whose everything goes, for good")


class ErasureOut(BaseModel):
    """How far an erasure is, and what it did."""

    erasure_id: str = Field(description="names nobody")
    state: Literal["pending", "done"]
    erased_at: datetime = Field(description="from then on the user is dropped wherever something new of them comes")
    finished_at: datetime | None = Field(description="null: not yet")
    removed: dict[str, int] = Field(
        description="collection -> documents removed, or mended; interactions go with their details"
    )
    unreadable: dict[str, int] = Field(
        description="collection -> documents that stay, for nobody can tell whom they name: refused messages and lines that "
        "are no JSON, or name no user_id"
    )
    kept: list[str] = Field(description="what an erasure does not remove, and how long it stays")


class ModelsOut(BaseModel):
    """The models that are kept, with their figures."""

    live: str | None
    models: list[dict[str, Any]]


class UsersShare(BaseModel):
    """Of an arm's users, those who did something, and the interval of their share."""

    users: int
    share: float
    low: float
    high: float


class Ends(BaseModel):
    """Both ends of a 95 % interval."""

    low: float
    high: float


class Split(BaseModel):
    """How often chance alone splits users as unevenly as they are, and whether the split passes as planned."""

    p: float
    as_planned: bool


class ArmOut(BaseModel):
    """What one arm has shown."""

    name: str
    model: str = Field(description="champion, popularity, or a kept model's id")
    share: float = Field(description="of all users")
    users: int = Field(description="who were shown anything")
    clicked: UsersShare
    purchased: UsersShare
    beside_first: Ends | None = Field(description="its share of clickers less the first arm's; null: it is the first")
    verdict: str


class ExperimentOut(BaseModel):
    """What an experiment has shown."""

    name: str
    start: datetime
    end: datetime
    planned_users_per_arm: int
    split: Split
    arms: list[ArmOut]


class HealthOut(BaseModel):
    """That the process answers."""

    status: Literal["ok"]


class ReadyOut(BaseModel):
    """From what it answers."""

    status: Literal["ready"]
    model_id: str | None
    made_at: datetime | None
    fresh: bool
