"""The shop: what one worker of the storefront holds while it lives, made once and given to every request."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from flask import current_app
from pymongo.database import Database

from tidemark.settings import Settings
from tidemark.storage import mongo

if TYPE_CHECKING:
    from tidemark.serving.service import Serving
    from tidemark.storefront.accounts import Accounts
    from tidemark.storefront.api_keys import ApiKeys
    from tidemark.storefront.deleting import Deleting
    from tidemark.storefront.erasures import Erasures
    from tidemark.storefront.experiments import Experiments
    from tidemark.storefront.recommendation_ids import Signer
    from tidemark.storefront.sessions import Sessions
    from tidemark.storefront.sign_ins import SignIns
    from tidemark.stream.deliveries import Deliveries
    from tidemark.stream.exposures import Exposures

EXTENSION = "tidemark"
"""Where in `app.extensions` the shop is."""
PATIENCE = 1.0
"""Seconds in which a server is to be found, and twice that for all of one command: a worker has few threads, and those
that wait for MongoDB do not answer what needs none."""


class Closing(Protocol):
    """What is ended with the worker."""

    def close(self) -> object:
        """End it."""


@dataclass
class Shop:
    """What a worker holds.

    Args:
        config: the settings.
        serving: who answers what a person gets.
        db: the platform's database. It connects when it is first used, and waits `PATIENCE`.
        exposures: where it is told what was shown.
        interactions: the way to the topic `interactions`.
        signer: signs and reads recommendation ids.
        accounts, sessions, sign_ins, keys: who may come in.
        experiments: which arm a user is in.
        erasures: who is to be erased.
        deleting: deletes single interactions.
    """

    config: Settings
    serving: "Serving"
    db: Database[dict[str, Any]]
    exposures: "Exposures"
    interactions: "Deliveries"
    signer: "Signer"
    accounts: "Accounts"
    sessions: "Sessions"
    sign_ins: "SignIns"
    keys: "ApiKeys"
    experiments: "Experiments"
    erasures: "Erasures"
    deleting: "Deleting"

    @classmethod
    def of(cls, config: Settings, serving: "Serving | None" = None) -> "Shop":
        """A shop of the platform's own parts; nothing of it has asked a server yet."""
        from tidemark.serving.service import Serving
        from tidemark.storefront.accounts import Accounts
        from tidemark.storefront.api_keys import ApiKeys
        from tidemark.storefront.deleting import Deleting
        from tidemark.storefront.erasures import Erasures
        from tidemark.storefront.experiments import Experiments
        from tidemark.storefront.kept_keys import KeptKeys
        from tidemark.storefront.recommendation_ids import Signer
        from tidemark.storefront.sessions import Sessions
        from tidemark.storefront.sign_ins import SignIns
        from tidemark.stream.deliveries import Deliveries
        from tidemark.stream.exposures import Exposures

        db, secret = database(config), config.shop_secret.get_secret_value()
        serving = serving or Serving(config)
        return cls(
            config=config,
            serving=serving,
            db=db,
            exposures=Exposures(config),
            interactions=Deliveries(config),
            signer=Signer(secret),
            accounts=Accounts(db),
            sessions=Sessions(db, config.shop_session_hours),
            sign_ins=SignIns(db),
            keys=ApiKeys(db, config.shop_rate, kept=KeptKeys(config.packs_root, secret)),
            experiments=Experiments(lambda: db),
            erasures=Erasures(config),
            deleting=Deleting(db, serving),
        )

    def close(self) -> None:
        """Send what is under way and end the threads."""
        parts: list[Closing] = [
            self.serving, self.exposures, self.interactions, self.keys, self.erasures, self.experiments,
        ]  # fmt: skip
        for part in parts:
            part.close()
        self.db.client.close()


def database(config: Settings) -> Database[dict[str, Any]]:
    """The platform's database by a client that connects when it is first used, for requests that do not wait long."""
    return mongo.unasked(config, PATIENCE, each=2 * PATIENCE)


def shop() -> Shop:
    """The shop of the application that is answering."""
    found: Shop = current_app.extensions[EXTENSION]
    return found
