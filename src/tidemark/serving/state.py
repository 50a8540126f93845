"""State: how a worker is that serves, for who watches over it."""

from dataclasses import dataclass
from datetime import datetime

from tidemark.serving.swaps import Swaps


@dataclass(frozen=True)
class State:
    """How this worker is.

    Args:
        model_id: the model that answers; None where none does.
        made_at: when it was made, UTC.
        pack_from: `registry`; `host`: the newest pack that was here when nobody could say which is live; `mongodb`: without
            a pack. None where no model answers.
        pointer_seen_at: when the registry last said which model is live, UTC; None: not yet.
        tail_lag: interactions that have come and are not read yet, when the tail last looked.
        fresh: whether all that came up to some seconds ago is taken into account.
        tail_kept, tail_beyond, tail_expired: interactions newer than the model that are held; that are not, for want of
            room; that had expired in Kafka before they were read.
        swaps, swap_failures, without_pack: see `Swaps`.
        problem: why the model that is live by the registry does not answer; empty where it does.
        catalogue_version: names the changes of items that are taken into account.
        erased: users who are erased.
    """

    model_id: str | None
    made_at: datetime | None
    pack_from: str | None
    pointer_seen_at: datetime | None
    tail_lag: int
    fresh: bool
    tail_kept: int
    tail_beyond: int
    tail_expired: int
    swaps: int
    swap_failures: int
    without_pack: int
    problem: str
    catalogue_version: int
    erased: int


def of(swaps: Swaps, erased: int) -> State:
    """How a worker is whose models are those of `swaps`, and that knows of so many users who are erased."""
    live = swaps.live
    tail = live.tail if live else None
    return State(
        model_id=live.model_id if live else None,
        made_at=live.model.made_at if live else None,
        pack_from=live.pack_from if live else None,
        pointer_seen_at=swaps.pointer_seen_at,
        tail_lag=tail.lag if tail else 0,
        fresh=tail.fresh if tail else False,
        tail_kept=tail.kept if tail else 0,
        tail_beyond=tail.beyond if tail else 0,
        tail_expired=tail.expired if tail else 0,
        swaps=swaps.swaps,
        swap_failures=swaps.failures,
        without_pack=swaps.without_pack,
        problem=swaps.problem,
        catalogue_version=live.catalogue.version if live else 0,
        erased=erased,
    )
