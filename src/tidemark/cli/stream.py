"""Commands that send interactions: `tidemark simulate`, `tidemark replay SOURCE`, `tidemark tide`, `tidemark demo`."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from tidemark.cli.named_columns import named_columns

if TYPE_CHECKING:
    from tidemark.stream.sending import Sender

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Seed = Annotated[int, typer.Option(help="the same seed sends the same")]
Rate = Annotated[float, typer.Option(min=1, help="interactions a second")]
Patience = Annotated[float, typer.Option(min=1, help="seconds to wait for the new model")]
INTERRUPTED = 130


@app.command()
def simulate(
    rate: Annotated[float, typer.Option(min=0, help="interactions a second; 0: as fast as it goes")] = 100,
    duration: Annotated[float, typer.Option(min=0, help="seconds; 0: until Ctrl-C, or --count")] = 60,
    count: Annotated[int, typer.Option(min=0, help="stop after so many; 0: after --duration")] = 0,
    poison: Annotated[float, typer.Option(min=0, max=1, help="share of messages that are broken")] = 0,
    items: Annotated[float, typer.Option(min=0, max=1, help="for each interaction, messages about items")] = 0.01,
    seed: Seed = 0,
) -> None:
    """Send what simulated shoppers do in the known catalogue, while items come, go and come back."""
    from tidemark.settings import settings
    from tidemark.storage import mongo
    from tidemark.stream import topics
    from tidemark.stream.sending import Sender
    from tidemark.stream.simulated_items import Stock, described
    from tidemark.stream.simulation import Shoppers, catalogue

    config = settings()
    db = mongo.connect(config)
    known = catalogue(db)
    stock, about_items = Stock(known, described(db, known), seed=seed), Sender(config, topics.ITEMS)
    shoppers = Shoppers(known, config, seed=seed, poison=poison, instead_of=stock.instead_of)
    total = count or (int(rate * duration) if rate and duration else None)

    def messages() -> Iterator[tuple[str, bytes]]:
        for number, message in enumerate(islice(shoppers.messages(), total), 1):
            if int(number * items) > int((number - 1) * items):
                about_items.send(*stock.message())
            yield message

    try:
        _send(Sender(config), messages(), total, rate, 0 if count else duration)
    finally:
        about_items.flush()
        if about_items.sent:
            typer.echo(
                f"{about_items.acknowledged:,} messages about items: {stock.brought:,} brought, {stock.withdrawn:,} withdrawn"
            )


@app.command()
def replay(
    source: Annotated[str, typer.Argument(help="interactions: what load_interactions takes, a file of reviews too")],
    columns: Annotated[
        str, typer.Option(help="which column is what, where it is not found: 'item=sku time=at time_unit=ms'")
    ] = "",
    rate: Annotated[float, typer.Option(min=0, help="interactions a second; 0: as fast as it goes")] = 500,
    speed: Annotated[float, typer.Option(min=0, help="in place of --rate: seconds of the file in one, e.g. 86400")] = 0,
    count: Annotated[int, typer.Option(min=0, help="only the first so many; 0: all")] = 0,
) -> None:
    """Send a source of interactions, in time order."""
    from tidemark.local.first_run import absolute
    from tidemark.settings import settings
    from tidemark.sources import recording
    from tidemark.stream.sending import Sender

    config = settings()
    recorded = recording.read(absolute(source), named_columns(columns), config)
    for line in recorded.said:
        typer.echo(line)
    total = min(count or len(recorded.messages), len(recorded.messages))
    for why, number in recorded.skipped.most_common(recording.SHOWN):
        typer.echo(f"{number:,} rows stay out: {why}")
    messages = _timed(recorded.messages[:total], recorded.seconds, speed)
    _send(Sender(config), messages, total, 0 if speed else rate, 0)


def _timed(messages: list[tuple[str, bytes]], seconds: Iterable[float], speed: float) -> Iterable[tuple[str, bytes]]:
    """The messages, each when its time has come."""
    start, first = time.monotonic(), None
    for message, at in zip(messages, seconds, strict=False):
        first = at if first is None else first
        if speed:
            time.sleep(max(0.0, start + (at - first) / speed - time.monotonic()))
        yield message


def _send(
    sender: "Sender", messages: Iterable[tuple[str, bytes]], total: int | None, rate: float, seconds: float
) -> None:
    """Send with a progress bar until all is sent, `seconds` have passed (0: never) or Ctrl-C; then count the reports."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from tidemark.stream.sending import Pace

    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ]
    start, pace, stopped = time.monotonic(), Pace(rate), False
    with Progress(*columns, TextColumn("{task.fields[pace]}")) as progress:
        bar = progress.add_task("sending", total=total, pace="")
        shown = start
        try:
            for key, value in messages:
                sender.send(key, value)
                pace.step()
                now = time.monotonic()
                if now - shown > 0.2:
                    shown = now
                    progress.update(bar, completed=sender.sent, pace=f"{sender.sent / (now - start):,.0f}/s")
                if seconds and now - start >= seconds:
                    break
        except KeyboardInterrupt:
            stopped = True
        progress.update(bar, completed=sender.sent, description="waiting for Kafka's word")
        whole = sender.flush()
        progress.update(bar, description="stopped" if stopped else "sent")
    took = time.monotonic() - start
    typer.echo(
        f"{sender.sent:,} sent in {took:.1f} s: {sender.acknowledged:,} acknowledged, {sender.failed:,} failed"
        + (f" ({sender.problem})" if sender.problem else "")
        + ("" if whole else f", {sender.sent - sender.acknowledged - sender.failed:,} without an answer")
    )
    if stopped or sender.failed or not whole:
        raise typer.Exit(INTERRUPTED if stopped else 1)


@app.command()
def tide(seed: Seed = 0, rate: Rate = 200, patience: Patience = 900) -> None:
    """Send interactions past the mark on a running platform, and follow them until the new model is live."""
    from tidemark.local import tide_demo as tide

    tide.show(seed=seed, rate=rate, patience=patience)


@app.command()
def demo(seed: Seed = 0, rate: Rate = 200, patience: Patience = 900) -> None:
    """Tell the story on a running platform: three lists, a purchase, the tide, a new model, and back to the one before."""
    from tidemark.local import shop_demo

    shop_demo.show(seed=seed, rate=rate, patience=patience)
