"""Who looks at a page: the person who signed in, or the shopper that a presenter acts for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import abort, g

from tidemark.errors import SignedOutError
from tidemark.storefront import login
from tidemark.storefront.shop import shop

if TYPE_CHECKING:
    from tidemark.storefront.sessions import Session, Sessions

PRESENTER = "presenter"


@dataclass(frozen=True)
class Shopper:
    """Whom a page is for.

    Args:
        user_id: whose recommendations, history and acts these are.
        account: the account that signed in.
        role: its role.
        acting: the account that acts in the name of `user_id`; empty where these are one.
        hidden: item_ids that are not to be shown, the newest last.
        basket: item_ids, in the order they were put in.
        origins: item_id -> the recommendation_id that it came into the basket from, where it came from one.
    """

    user_id: str
    account: str
    role: str = "shopper"
    acting: str = ""
    hidden: tuple[str, ...] = ()
    basket: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, session: "Session") -> "Shopper":
        """Whom the pages of a session are for. Only a presenter's may act for another."""
        acts = bool(session.acting) and session.role == PRESENTER
        user_id = session.acting if acts and session.acting else session.user_id
        acting = session.account if acts else ""
        origins = dict(session.origins)
        return cls(user_id, session.account, session.role, acting, session.not_for_me, session.basket, origins)

    @property
    def presents(self) -> bool:
        """Whether it may shop as others."""
        return self.role == PRESENTER


def session() -> "Session":
    """The session of this request; where there is none, it is not answered (401)."""
    return login.current_session() or abort(401)


def shopper() -> Shopper:
    """Whom this request is for; it must have passed `login_required`."""
    if "shopper" not in g:
        g.shopper = Shopper.of(session())
    return cast(Shopper, g.shopper)


def change(what: "Callable[[Sessions, Session], Session]") -> Shopper:
    """Have the session of this request be what `what` makes of it, from now on; gives whom the request is for then.

    Raises:
        UnreachableError: MongoDB does not answer; nothing may have changed.
    """
    try:
        login.keep(what(shop().sessions, session()))
    except SignedOutError:
        abort(401)
    g.pop("shopper", None)
    return shopper()


def act_as(user_id: str | None) -> None:
    """Have the presenter of this request shop as `user_id`; None: as themselves again. It is audited.

    Raises:
        UnreachableError: as `change`.
    """
    try:
        login.act_as(user_id)
    except SignedOutError:
        abort(401)
    g.pop("shopper", None)
