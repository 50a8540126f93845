"""The command `tidemark`: the platform on this machine. The Makefile's targets are thin calls of it."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tidemark.cli import access, experiments, stream
from tidemark.cli.named_columns import named_columns
from tidemark.errors import TidemarkError

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.registered_commands += stream.app.registered_commands
app.add_typer(access.account, name="account")
app.add_typer(access.key, name="key")
app.add_typer(experiments.app, name="experiment")


def _params(given: list[str]) -> dict[str, object]:
    """["seed=7", "source=x"] -> {"seed": 7, "source": "x"}."""
    params: dict[str, object] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair}: give name=value")
        try:
            params[name] = json.loads(value)
        except ValueError:
            params[name] = value
    return params


@app.command()
def run(
    source: Annotated[
        str,
        typer.Option(
            help="reviews or interactions: a path, folder, glob, object-store URL, amazon-2023:..., or builtin"
        ),
    ] = "builtin",
    products: Annotated[str, typer.Option(help="their products, likewise; builtin brings its own")] = "",
    release: Annotated[str, typer.Option(help="the Amazon release of the files: 2014, 2018 or 2023; else told")] = "",
    columns: Annotated[str, typer.Option(help="which column of the interactions is what: 'item=sku time=at'")] = "",
    load: Annotated[
        list[str] | None, typer.Option(help="a param of the DAG that loads: builtin_reviews=1000000")
    ] = None,
    job: Annotated[bool, typer.Option(help="load and train, not only start")] = True,
    whole: Annotated[bool, typer.Option("--whole", help="wait for graph, charts and report too")] = False,
) -> None:
    """Start the platform, load reviews, train a model and show what it recommends; leaves the platform running."""
    import time

    from tidemark.local import demo_accounts, first_run, lifecycle, model_summary
    from tidemark.local import status as overview
    from tidemark.local.terminal import console, say_done
    from tidemark.settings import settings
    from tidemark.storage import mongo

    started = time.monotonic()
    wanted = first_run.Source.of(source, products, release, named_columns(columns) | _params(load or []))
    console.print("[bold]Starting[/bold]")
    with lifecycle.alone(settings()):
        config = lifecycle.prepare()
        lifecycle.start(config)
    db = mongo.connect(config)
    accounts = demo_accounts.ensure(config, db)
    try:
        if job:
            first_run.run(config, wanted, whole=whole)
            accounts = demo_accounts.ensure(config, db)  # there are people with a history now
            model_summary.show(db)
        lifecycle.await_ingest(config)
    except KeyboardInterrupt:
        typer.echo("\nStopped watching. The platform goes on: make status, make stop", err=True)
        raise typer.Exit(stream.INTERRUPTED) from None
    finally:
        overview.addresses(config, accounts)  # it runs, whatever became of the job
    say_done("all", time.monotonic() - started)


@app.command()
def status() -> None:
    """Each service: state, process, uptime, memory. Exit code 1 where one of them is not running."""
    from tidemark.local import status as overview
    from tidemark.settings import settings

    raise typer.Exit(0 if overview.status(settings()) else 1)


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="one service; without it, all")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on as they grow")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="how many of the last lines")] = 20,
) -> None:
    """The services' logs."""
    from tidemark.local import status as overview
    from tidemark.settings import settings

    overview.logs(settings(), service, lines=lines, follow=follow)


@app.command()
def stop() -> None:
    """Stop the platform in order; nothing is lost."""
    from tidemark.local import lifecycle
    from tidemark.local.layout import state_folder
    from tidemark.settings import settings

    config = settings()
    if state_folder(config).exists():
        with lifecycle.alone(config):
            was_running = lifecycle.stop(config)
    else:
        was_running = False
    if not was_running:
        typer.echo("Nothing was running.")


@app.command()
def clean(yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False) -> None:
    """Stop the platform and remove its state folder: data, models, logs."""
    from tidemark.local import dotenv, lifecycle
    from tidemark.local.layout import state_folder
    from tidemark.settings import settings

    folder: Path = state_folder(settings())
    if not folder.exists():
        typer.echo(f"Nothing to remove: {folder} is not there.")
        return
    kept = "" if dotenv.env_file().is_relative_to(folder) else f" {dotenv.env_file().name} is kept."
    typer.echo(f"This removes {folder}: every review, interaction, model and log of this platform.{kept}")
    if not yes and not typer.confirm("Remove it?"):
        raise typer.Exit(1)
    with lifecycle.alone(settings()):
        lifecycle.stop(settings())
        lifecycle.remove(settings())


@app.command()
def backup(
    to: Annotated[str, typer.Argument(help="the file to write; without it, one named by the time, here")] = "",
) -> None:
    """Write all that the platform knows, passwords too, into one file; it is stopped meanwhile."""
    from datetime import UTC, datetime

    from tidemark.local import backup as backups
    from tidemark.settings import settings

    target = Path(to or f"tidemark-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz").expanduser().absolute()
    manifest = backups.make(settings(), target)
    size = target.stat().st_size / backups.GB
    typer.echo(
        f"{target}: {len(manifest['files']):,} files, {size:.2f} GB. It holds the passwords: keep it as you keep them"
    )


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="a file that backup wrote")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="the platform that is here may go")] = False,
) -> None:
    """Put a backup in the place of this platform, and start it."""
    from tidemark.local import backup as backups
    from tidemark.local import lifecycle
    from tidemark.settings import settings

    backups.restore(settings(), source.expanduser().absolute(), over=yes)
    with lifecycle.alone(settings()):
        config = lifecycle.prepare()
        lifecycle.start(config)
    lifecycle.await_ingest(config)
    typer.echo("It is as it was when the backup was made, and runs: make status")


def main() -> None:
    """Run the command; an error that Tidemark raises on purpose is one line, not a traceback."""
    try:
        app()
    except TidemarkError as error:
        typer.echo(f"{error}", err=True)
        sys.exit(1)
