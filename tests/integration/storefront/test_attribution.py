"""From a list that the API shows to the figures of its model: through the storefront, Kafka and the service that counts."""

from collections import Counter

from confluent_kafka import Consumer, TopicPartition

from tests.support.own_shop import USERS, OwnShop
from tests.support.waiting import eventually
from tidemark.stream import engagement_figures, progress, topics
from tidemark.stream.engagement import progress_id

PLACEMENT = "attribution"
SHOWN_TO = USERS[50:90]
KINDS = 5
"""What becomes of a list: nothing, a click, a purchase, clicks that prove nothing, organic ones."""


def behind(shop: OwnShop) -> int:
    """Messages of both topics that are not counted yet."""
    consumer = Consumer(topics.client_config(shop.config) | {"group.id": "the tests"})
    missing = 0
    for short in (topics.INTERACTIONS, topics.RECOMMENDATIONS):
        name = topics.name(short, shop.config)
        known = progress.read(shop.db, progress_id(name))
        for number in consumer.list_topics(name, timeout=20).topics[name].partitions:
            end = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=20)[1]
            missing += end - (known.next_offsets.get(number, 0) if known else 0)
    consumer.close()
    return missing


def figures(shop: OwnShop) -> Counter[str]:
    """What is counted of the lists of this test, and of all clicks that came from none."""
    found: Counter[str] = Counter()
    for each in shop.db["engagement"].find({"$or": [{"placement": PLACEMENT}, {"model_id": None}]}):
        found.update({name: value for name, value in each.items() if isinstance(value, int)})
    return found


def told(shop: OwnShop, sent: list[dict[str, str]]) -> None:
    answer = shop.ask("/api/v1/interactions", "write", method="POST", json={"interactions": sent})
    assert (answer.status_code, answer.json()["accepted"]) == (202, len(sent))


def test_what_was_shown_and_clicked_is_what_is_counted_though_who_counts_is_killed(real_shop: OwnShop) -> None:
    shop = real_shop
    shop.engagement.start()
    log = shop.engagement.log
    try:
        eventually(lambda: behind(shop) == 0, 60, log.read_text, every=0.25)
        before, wanted = figures(shop), Counter[str]()
        first, another = None, ""
        for number, user in enumerate(SHOWN_TO):
            path = f"/api/v1/users/{user}/recommendations"
            answer = shop.ask(path, params={"n": 5, "placement": PLACEMENT}).json()
            rid, items = answer["recommendation_id"], [item["item_id"] for item in answer["items"]]
            first = first or answer["model_id"]
            wanted.update(lists=1, shown=5)
            click = {"user_id": user, "item_id": items[0], "event_type": "click"}
            match number % KINDS:
                case 1:
                    told(shop, [click | {"recommendation_id": rid}] * 2)  # twice is once
                    wanted.update(clicked=1)
                case 2:
                    bought = click | {"event_type": "purchase", "recommendation_id": rid}
                    told(shop, [bought, bought | {"item_id": items[1]}])
                    wanted.update(clicked=2, purchased=2)
                case 3:
                    forged = rid[:-1] + ("A" if rid[-1] != "A" else "E")
                    told(shop, [click | {"recommendation_id": text} for text in (forged, another, "none at all")])
                    wanted.update(organic=3, unproven=3)
                case 4:
                    told(shop, [click])
                    wanted.update(organic=1)
            another = rid
            if number == len(SHOWN_TO) // 2:
                shop.engagement.kill()
                shop.engagement.start()
        eventually(
            lambda: figures(shop) - before == wanted,
            60,
            lambda: f"{figures(shop) - before} and not {wanted}; {log.read_text()[-2_000:]}",
            every=0.25,
        )
        eventually(lambda: behind(shop) == 0, 60, log.read_text, every=0.25)
        assert figures(shop) - before == wanted, "counted twice"
        rate = engagement_figures.by_placement(shop.db)[first, "champion", PLACEMENT]
        assert (rate.shown, rate.clicked, rate.purchased) == tuple(wanted[n] for n in ("shown", "clicked", "purchased"))
    finally:
        shop.engagement.stop()
