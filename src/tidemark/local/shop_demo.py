"""`tidemark demo`: the platform's story in two minutes, by the API alone, as any program meets it.

Three people and their lists; one buys, and their list changes; the tide crosses the mark and a new model goes live; it is
rolled back. Beside it the live page shows the same.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
from pymongo.database import Database
from rich.console import Group
from rich.table import Table
from rich.text import Text
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from tidemark.dag_ids import ROLL_BACK_MODEL as ROLL_BACK
from tidemark.errors import NoChampionError, PlatformError
from tidemark.local import demo_accounts, follow, shop_services, tide_demo
from tidemark.local.airflow_client import AirflowApi
from tidemark.local.terminal import console, seconds
from tidemark.registry import champion
from tidemark.settings import Settings, settings
from tidemark.storage import mongo

Document = dict[str, Any]

SHOWN = 5
"""Recommendations of each person."""

KEY_KNOWN = 20
"""Seconds after which every worker knows a new key: each reads them anew every 10."""

PATIENCE = 30
"""Seconds for what the storefront does within 3, on a machine that has other things to do."""

KEY_LIFE = timedelta(hours=1)


class Shop:
    """The storefront's API, with a key of one's own."""

    def __init__(self, address: str, key: str, transport: httpx.BaseTransport | None = None) -> None:
        """`transport` takes the place of the network."""
        self._client = httpx.Client(
            base_url=f"{address}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> "Shop":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def list_of(self, user_id: str, n: int = SHOWN) -> Document:
        """The user's recommendations as the API answers: `model_id`, `method`, `items`, ..."""
        return self._ask("GET", f"/users/{quote(user_id, safe='')}/recommendations", params={"n": n})

    def send(self, interactions: Sequence[Document]) -> Document:
        """Send interactions; all copies in Kafka have them when this returns."""
        return self._ask("POST", "/interactions", json={"interactions": list(interactions)})

    def _ask(self, method: str, path: str, **request: Any) -> Document:
        patience = Retrying(
            stop=stop_after_delay(KEY_KNOWN),
            wait=wait_fixed(0.5),
            retry=retry_if_result(lambda answer: answer.status_code == httpx.codes.UNAUTHORIZED),
            retry_error_callback=lambda last: last.outcome and last.outcome.result(),
        )
        try:
            answer: httpx.Response = patience(self._client.request, method, path, **request)
        except httpx.HTTPError as error:
            raise PlatformError(f"the storefront does not answer ({error}): make status, or make run") from None
        if not answer.is_success:
            raise PlatformError(
                f"the storefront answered {method} {path} with {answer.status_code}: {answer.text[:300]}"
            )
        return dict(answer.json())


def show(*, seed: int, rate: float, patience: float) -> None:
    """Tell the story on the running platform.

    Raises:
        NoChampionError: no model is live.
        PlatformError: the storefront or a DAG did not do as it should; the message says what.
        TideError: the tide brought no new model.
    """
    config = settings()
    db = mongo.connect(config)
    before = champion.model_id(db)
    if before is None:
        raise NoChampionError("no model is live yet: make run loads reviews and trains one")
    console.print(
        f"The storefront: {shop_services.url(config)}  The same as it happens: {shop_services.url(config)}/live"
    )
    with _own_key(db) as key, Shop(shop_services.url(config), key) as shop:
        buyer = three_people(shop, demo_accounts.wanted(db))
        if buyer:
            buy(shop, buyer)
        _chapter("The tide crosses the mark, and a new model goes live")
        tide_demo.show(seed=seed, rate=rate, patience=patience)
        await_model(shop, buyer or demo_accounts.NOBODY_YET, champion.model_id(db) or "")
        _chapter("That model is rolled back")
        _roll_back(config, before)
        await_model(shop, buyer or demo_accounts.NOBODY_YET, before)


@contextmanager
def _own_key(db: Database[Document]) -> Iterator[str]:
    """A key for the length of the story."""
    keys = _keys(db)
    text, key = keys.add("make demo", ("read", "write"), KEY_LIFE)
    try:
        yield text
    finally:
        keys.revoke(key.id)
        keys.close()


def _keys(db: Database[Document]) -> Any:
    from tidemark.storefront.api_keys import ApiKeys  # with the rest of the storefront

    return ApiKeys(db)


def three_people(shop: Shop, people: Iterator[demo_accounts.Demo]) -> str | None:
    """Show what the shoppers are recommended; gives the user with the usual history, None where nobody has one."""
    _chapter("Three people, three lists")
    buyer = None
    for person in people:
        if person.user_id:
            answer = shop.list_of(person.user_id)
            console.print(_list(f"{person.email}, {person.meaning}", answer))
            buyer = buyer or (person.user_id if person.user_id != demo_accounts.NOBODY_YET else None)
    return buyer


def buy(shop: Shop, user_id: str) -> float:
    """The user buys the best of their list; gives the seconds until the list has followed.

    Raises:
        PlatformError: the list stayed as it was.
    """
    _chapter("One of them buys something")
    before = shop.list_of(user_id)
    if not before["items"]:
        raise PlatformError(f"user {user_id} is recommended nothing: see make logs SERVICE=storefront")
    bought = before["items"][0]
    event = {"user_id": user_id, "item_id": bought["item_id"], "event_type": "purchase"}
    shop.send([event | {"recommendation_id": before.get("recommendation_id")}])
    console.print(Text(f"  user {user_id} buys: {_title(bought)}"))

    def followed(answer: Document) -> bool:
        return bought["item_id"] not in _ids(answer)

    took, answer = _await(lambda: shop.list_of(user_id), followed, f"the list of user {user_id} did not change")
    console.print(_list(f"{seconds(took)} later", answer, known=_ids(before)))
    return took


def await_model(shop: Shop, user_id: str, model_id: str) -> float:
    """Wait until the storefront answers with that model; gives the seconds it took.

    Raises:
        PlatformError: it goes on with another.
    """
    took, answer = _await(
        lambda: shop.list_of(user_id),
        lambda answer: answer["model_id"] == model_id,
        f"the storefront does not serve model {model_id}",
    )
    console.print(_list(f"{seconds(took)} later, by {model_id}", answer))
    return took


def _roll_back(config: Settings, model_id: str) -> None:
    with AirflowApi(config) as api:
        follow.follow(api, ROLL_BACK, api.trigger(ROLL_BACK, {"model": model_id}))


def _await(ask: Callable[[], Document], done: Callable[[Document], bool], otherwise: str) -> tuple[float, Document]:
    """Ask until the answer is as wanted; gives seconds and answer."""
    started = time.monotonic()
    while not done(answer := ask()):
        if time.monotonic() - started > PATIENCE:
            raise PlatformError(f"{otherwise} within {PATIENCE} s: see make logs SERVICE=storefront")
        time.sleep(0.1)
    return time.monotonic() - started, answer


def _chapter(title: str) -> None:
    console.print(f"\n[bold]{title}[/bold]")


def _ids(answer: Document) -> set[str]:
    return {item["item_id"] for item in answer["items"]}


def _title(item: Document) -> str:
    return str(item.get("title") or item["item_id"])


def _list(heading: str, answer: Document, known: set[str] | None = None) -> Group:
    """The list under `heading`; what is not in `known` is marked. Titles are texts: a bracket in one is no markup."""
    table = Table.grid(padding=(0, 1))
    for place, item in enumerate(answer["items"], 1):
        is_new = known is not None and item["item_id"] not in known
        table.add_row(
            f"   {place}", Text(_title(item), style="green" if is_new else "", overflow="ellipsis", no_wrap=True)
        )
    return Group(Text(f"  {heading} ({answer['method']})", style="italic"), table)
