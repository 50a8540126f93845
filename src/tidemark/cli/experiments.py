"""Commands of A/B tests: `tidemark experiment add`, `list`, `stop`, `figures`."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pymongo.database import Database

    from tidemark.storefront.experiments import Arm

app = typer.Typer(
    help="A/B tests: who gets which model, and what came of it.", no_args_is_help=True, pretty_exceptions_enable=False
)
Name = Annotated[str, typer.Argument(help="the experiment's name")]


def _database() -> "Database[dict[str, Any]]":
    from tidemark.storage import mongo

    return mongo.connect()


def arms_of(given: list[str]) -> "list[Arm]":
    """["control=champion:0.5", ...] -> arms; shares that are left out are all the same.

    Raises:
        typer.BadParameter: one is of another form.
    """
    from tidemark.storefront.experiments import Arm

    arms = []
    for text in given:
        name, equals, rest = text.partition("=")
        model, _, share = rest.partition(":")
        try:
            portion = float(share) if share else 1 / len(given)
        except ValueError:
            portion = -1.0
        if not (name and equals and model and 0 < portion <= 1):
            raise typer.BadParameter(f"{text!r}: give name=model:share, such as control=champion:0.5")
        arms.append(Arm(name, model, portion))
    return arms


def moment(text: str) -> datetime:
    """A time by ISO 8601, as UTC where it names no zone.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time by ISO 8601, such as 2026-12-01T08:00") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@app.command()
def add(
    name: Name,
    arm: Annotated[
        list[str],
        typer.Option(
            help="name=model:share; model: champion, a kept model's id, or popularity. The first is compared with"
        ),
    ],
    planned: Annotated[int, typer.Option(min=1, help="users that each arm needs before anything is concluded")],
    days: Annotated[float, typer.Option(min=0, help="how long it runs")] = 14,
    start: Annotated[str, typer.Option(help="when it starts, ISO 8601; empty: now")] = "",
) -> None:
    """Plan an experiment."""
    from tidemark.storefront import experiments

    begins = moment(start) if start else datetime.now(UTC)
    made = experiments.planned(name, arms_of(arm), begins, begins + timedelta(days=days), planned)
    experiments.add(_database(), made)
    typer.echo(f"Experiment {name} runs from {made.start:%Y-%m-%d %H:%M} to {made.end:%Y-%m-%d %H:%M} UTC.")


@app.command("list")
def list_() -> None:
    """All experiments, the newest first."""
    from rich.console import Console
    from rich.table import Table

    from tidemark.storefront import experiments

    now, table = datetime.now(UTC), Table("experiment", "state", "from", "to (UTC)", "arms")
    for each in experiments.everything(_database()):
        state = "runs" if each.runs(now) else "planned" if now < each.start and not each.stopped_at else "ended"
        arms = ", ".join(f"{arm.name}={arm.model}:{arm.share:.3g}" for arm in each.arms)
        table.add_row(each.name, state, f"{each.start:%Y-%m-%d %H:%M}", f"{each.ended_at:%Y-%m-%d %H:%M}", arms)
    if not table.rows:
        typer.echo("No experiment yet: tidemark experiment add --help")
        return
    Console().print(table)


@app.command()
def stop(name: Name) -> None:
    """End an experiment now; its figures stay."""
    from tidemark.storefront import experiments

    ended = experiments.stop(_database(), name)
    typer.echo(f"Experiment {name} ended at {ended.ended_at:%Y-%m-%d %H:%M} UTC.")


@app.command()
def figures(name: Name, as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False) -> None:
    """Users of each arm, who of them clicked and bought, and what may be concluded."""
    from tidemark.storefront import experiment_figures, experiments
    from tidemark.stream.engagement_figures import users_by_arm

    db = _database()
    found = experiment_figures.figures(experiments.get(db, name), users_by_arm(db, name))
    if as_json:
        typer.echo(json.dumps(found.document(), indent=2))
        return
    for arm in found.arms:
        users, purchase = arm.users, arm.users.purchase
        typer.echo(
            f"{arm.arm.name} ({arm.arm.model}): {users.shown:,} of {found.experiment.planned:,} planned users; "
            f"clicked {users.rate:.2%} ({users.low:.2%} to {users.high:.2%}); "
            f"bought {users.purchase_rate:.2%} ({purchase.low:.2%} to {purchase.high:.2%}): {arm.verdict}"
        )
    typer.echo(f"split: chance alone brings one as uneven in {found.split_p:.1%} of experiments")
