"""The live process with hundreds of open streams: CPU, memory, how late a frame comes, whether one is missing."""

import selectors
import socket
import threading
import time
from pathlib import Path

import numpy as np
from confluent_kafka import Producer

from benchmarks import serve_servers
from tidemark.settings import Settings
from tidemark.storage import mongo
from tidemark.storefront.session_cookie import cookie_names
from tidemark.storefront.sessions import Sessions
from tidemark.stream import topics

STREAMS, OF_ONE = 500, 20
A_SECOND = 50
"""Interactions that come meanwhile."""


def measure(config: Settings, folder: Path, seconds: float) -> dict[str, float]:
    """Open `STREAMS` streams of the live page and read all of them for `seconds`.

    Returns:
        `late_p99_ms`: of a frame, how long after the first stream had it a stream had it; `gaps`: frames that were missing
        in a stream; `frames` of one stream; `cpu_share` of one core; `pss_mib`.
    """
    db = mongo.connect(config)
    sessions, name = Sessions(db), cookie_names(tls=False)[0]
    cookies = [
        sessions.begin(f"watcher{n}@shop.example", "shopper", f"w{n}", "benchmark")[0] for n in range(STREAMS // OF_ONE)
    ]
    done = threading.Event()
    with serve_servers.live(config, folder) as server:
        streams = [_open(server.address, f"{name}={cookies[n // OF_ONE]}") for n in range(STREAMS)]
        sender = threading.Thread(target=_send, args=(config, done), daemon=True)
        sender.start()
        try:
            cpu, begun = server.cpu(), time.monotonic()
            read = _read(streams, seconds)
            share = (server.cpu() - cpu) / (time.monotonic() - begun)
            pss = sum(server.own_memory())
        finally:
            done.set()
            sender.join()
            for stream in streams:
                stream.close()
    return _told(read) | {"streams": float(STREAMS), "cpu_share": share, "pss_mib": pss}


def _open(address: tuple[str, int], cookie: str) -> socket.socket:
    opened = socket.create_connection(address, timeout=10)
    opened.sendall(f"GET /live/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
    return opened


def _send(config: Settings, done: threading.Event) -> None:
    """Keep something happening, so that there is a frame at every beat."""
    producer, number = Producer(topics.producer_config(config)), 0
    topic = topics.name(topics.INTERACTIONS, config)
    while not done.wait(1 / A_SECOND):
        number += 1
        producer.produce(topic, f'{{"user_id": "live{number % 90}", "item_id": "B{number % 500:09}"}}'.encode())
        producer.poll(0)
    producer.flush(10)


def _read(streams: list[socket.socket], seconds: float) -> list[dict[int, float]]:
    """Of each stream: number of a frame -> when it came."""
    selector = selectors.DefaultSelector()
    came: list[dict[int, float]] = [{} for _ in streams]
    rest = [b""] * len(streams)
    for number, stream in enumerate(streams):
        stream.setblocking(False)
        selector.register(stream, selectors.EVENT_READ, number)
    end = time.perf_counter() + seconds
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(end - now):
            number = key.data
            data = streams[number].recv(262_144)
            if not data:
                raise RuntimeError("the live process has ended a stream")
            at = time.perf_counter()
            *whole, rest[number] = (rest[number] + data).split(b"\n\n")
            for text in whole:
                # In the chunked answer a frame begins a line: `id: <epoch>-<number>`.
                if (place := text.find(b"id: ")) >= 0:
                    came[number][int(text[place:].split(b"\n", 1)[0].rpartition(b"-")[2])] = at
    return came


def _told(came: list[dict[int, float]]) -> dict[str, float]:
    first: dict[int, float] = {}
    for stream in came:
        for frame, at in stream.items():
            first[frame] = min(at, first.get(frame, at))
    settled = [frame for frame in first if frame > min(first)]  # the whole board comes before, to each when it opens
    late = [at - first[frame] for stream in came for frame, at in stream.items() if frame in settled]
    gaps = sum(max(stream) - min(stream) + 1 - len(stream) for stream in came if stream)
    gaps += sum(not stream for stream in came)
    return {
        "late_p99_ms": float(np.percentile(late, 99) * 1_000) if late else float("nan"),
        "gaps": float(gaps),
        "frames": float(np.median([len(stream) for stream in came])),
    }
