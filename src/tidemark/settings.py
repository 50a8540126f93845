"""Every setting of Tidemark, read in one place: environment variables `TIDEMARK_*`, or `.env` at the root
(another file by `TIDEMARK_ENV_FILE`, which is how a second platform keeps apart from the first). Where `TIDEMARK_STATE`
names the state folder, the file `env` in it is read too: there `make run` keeps what it cannot write into the clone.

`.env.example` lists each with its default and meaning; a test holds the two together.
"""

import logging
import os
import re
import shlex
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Self
from urllib.parse import quote_plus

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tidemark.errors import SettingError

log = logging.getLogger(__name__)

_SHIPPED = Path(__file__).resolve().parent / "_shipped"
"""In a wheel alone: what of the clone the library reads, put there by the build (`pyproject.toml`)."""

INSTALLED = _SHIPPED.is_dir()
"""Whether this is an installed wheel, and not a clone (or an image that holds the clone's folders)."""

ROOT = Path.cwd() if INSTALLED else Path(__file__).resolve().parents[2]
"""Where `.env`, the state folder and relative paths begin: the clone, which also holds `dags/`, `spark_jobs/` and `include/`;
of an installed wheel the folder that the process was started in."""


def shipped(path: str) -> Path:
    """Where the clone's file or folder `path` is that the library reads, in a clone and in an installed wheel.

    Args:
        path: relative to the clone's root: `include/...` or `spark_jobs/log4j2.properties`.
    """
    return (_SHIPPED if INSTALLED else ROOT) / path


AIRFLOW_ROLES = ("Admin", "Op", "User", "Viewer")
"""Roles of Airflow's users in production, the one that may do most first."""

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_PORT = re.compile(r"[1-9][0-9]{0,4}")


def _spark_properties(text: str) -> dict[str, str]:
    """`spark.a=1 spark.b='x y'` -> {"spark.a": "1", "spark.b": "x y"}."""
    properties = dict[str, str]()
    for pair in shlex.split(text):
        name, is_pair, value = pair.partition("=")
        if not (is_pair and name.startswith("spark.")):
            raise ValueError(f"{name!r} is not the name in spark.<name>=<value>")
        properties[name] = value
    return properties


class Settings(BaseSettings):
    """One field, one environment variable: `retrain_mark` is read from `TIDEMARK_RETRAIN_MARK`."""

    model_config = SettingsConfigDict(env_prefix="TIDEMARK_", env_ignore_empty=True, extra="ignore")

    # Where things are kept
    state: Path = Field(
        ROOT / ".tidemark", description="folder of all local state: servers' data, logs, landing, artifacts"
    )
    artifacts: str = Field(
        "", description="where runs write their artifacts: a path or any fsspec URL; empty: <state>/artifacts"
    )
    amazon_2023_url: str = Field(
        "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023",
        pattern=r"^https?://[^\s]+$",
        description="where the 2023 release of the Amazon reviews is served: sources named amazon-2023:<category> are fetched below it",
    )
    landing: str = Field(
        "", description="where sources are landed and staged: a path or fsspec URL; empty: <state>/landing"
    )
    load_schedule: str = Field(
        "",
        description="when loads run by themselves: a cron expression or @daily, @hourly, ... (UTC); each run loads its own interval of "
        "one of the three sources below, and earlier ones are loaded by a backfill; empty: by hand alone",
    )
    load_source: str = Field(
        "",
        description="what load_interactions loads then, with the day in braces: s3://bucket/events/dt={ds}/*.parquet "
        "(docs/reference/dags.md lists them)",
    )
    load_products_source: str = Field("", description="the same of load_products: s3://bucket/catalogue/{ds}.csv")
    load_reviews_source: str = Field("", description="the same of load_reviews: s3://bucket/reviews/{ds}.jsonl.gz")
    load_absent: str = Field(
        "fail",
        pattern="^(fail|skip)$",
        description="what becomes of a scheduled or backfilled run whose source is not there: fail, or skip, with its reason in the log",
    )
    landing_max_gb: float = Field(
        50, gt=0, description="GB that the files of one load may hold, unpacked: what holds more is refused"
    )
    load_from_loopback: bool = Field(
        False,
        description="whether loads may ask http addresses of this machine and its link; whoever may start a load could else reach "
        "what only this machine may",
    )
    revision: str = Field("", description="git revision that manifests name; empty: asked of the clone's git")

    # MongoDB
    mongo_hosts: str = Field("127.0.0.1:27117", description="host:port, or several separated by commas")
    mongo_replica_set: str = Field("rs0", description="name of the replica set")
    mongo_database: str = Field("tidemark", description="database that holds every collection")
    mongo_user: str = Field("tidemark", description="the platform's user: readWrite and dbAdmin on its database only")
    mongo_password: SecretStr = Field(SecretStr(""), description="its password")
    mongo_root_password: SecretStr = Field(
        SecretStr(""), description="password of the server's root user; only set-up uses it"
    )
    mongo_tls: bool = Field(False, description="encrypt the connection to MongoDB")
    tls_ca: str = Field(
        "",
        description="file with the certificate (PEM) of the authority that MongoDB's and Kafka's servers are known by, where these "
        "speak TLS; empty: the system's authorities",
    )
    mongo_sharded: bool = Field(
        False, description="mongo_hosts are the routers (mongos) of a sharded cluster: no replica set is asked for"
    )
    mongo_cache_gb: float = Field(
        0,
        ge=0,
        description="WiredTiger cache of the local server, GB; 0: an eighth of the machine's memory, from 0.5 to 4",
    )

    # Kafka
    kafka_bootstrap: str = Field("127.0.0.1:29092", description="bootstrap servers, host:port, separated by commas")
    kafka_controller_port: int = Field(29093, gt=0, lt=65536, description="controller port of the local broker")
    kafka_user: str = Field("tidemark", description="user of the SASL listener")
    kafka_password: SecretStr = Field(SecretStr(""), description="its password")
    kafka_security_protocol: str = Field(
        "SASL_PLAINTEXT", description="SASL_PLAINTEXT on the loopback, SASL_SSL beyond it"
    )
    kafka_sasl_mechanism: str = Field(
        "PLAIN",
        pattern="^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$",
        description="how that user shows its password: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
    )

    kafka_prefix: str = Field(
        "",
        pattern="^[A-Za-z0-9._-]{0,100}$",
        description="put before each topic's and group's name, where several platforms share one Kafka",
    )
    kafka_replication: int = Field(-1, ge=-1, description="copies of each topic; -1: the brokers' own default")

    # Airflow
    airflow_port: int = Field(8080, gt=0, lt=65536, description="port of the Airflow web UI and API")
    airflow_user: str = Field("admin", description="first user, who may do everything; made at the start")
    airflow_password: SecretStr = Field(SecretStr(""), description="its password")
    airflow_fernet_key: SecretStr = Field(
        SecretStr(""), description="key that Airflow encrypts stored connections with: 32 bytes in URL-safe base64"
    )
    airflow_jwt_secret: SecretStr = Field(SecretStr(""), description="secret that Airflow signs its tokens with")
    airflow_secret_key: SecretStr = Field(SecretStr(""), description="secret that Airflow signs its sessions with")

    # Sign-in to Airflow at an OpenID provider
    oidc_issuer: str = Field(
        "",
        pattern=r"^(https://[^\s]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[^\s]*)?)?$",
        description="address of the provider (its issuer): people then sign in to Airflow there; empty: by password",
    )
    oidc_client_id: str = Field("", description="what the provider knows Airflow as")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="the secret that it shares with Airflow")
    oidc_scope: str = Field(
        "openid profile email",
        pattern=r"^openid( [^\s]+)*$",
        description="what is asked of the provider; some tell the groups only if asked for them too",
    )
    oidc_name_claim: str = Field(
        "preferred_username",
        pattern=r"^[^\s]+$",
        description="claim that is the user's name in Airflow: one that is nobody else's, and that nobody can change by themselves",
    )
    oidc_roles_claim: str = Field(
        "groups",
        pattern=r"^[^\s]+$",
        description="claim that says what roles follow from: a list, or one text; dots lead inwards, as in realm_access.roles",
    )
    oidc_roles: str = Field(
        "",
        description="what a value of that claim makes of a user, separated by semicolons: data-team=User; data-admins=Admin; the "
        "roles are Admin, Op, User and Viewer",
    )
    oidc_default_role: str = Field(
        "",
        pattern="^(Viewer|User)?$",
        description="role of everybody whom the provider lets in: Viewer or User; empty: none, so whom no claim gives one stays out",
    )

    # Spark
    spark_master: str = Field(
        "local[*]",
        description="master of the connection spark_default: local[*], spark://..., yarn, k8s://...",
    )
    spark_driver_memory: str = Field("3g", description="heap of each Spark driver")
    spark_conf: str = Field(
        "",
        description="further properties of every Spark job, name=value, separated by spaces (a value with spaces in quotes): "
        "spark.executor.instances=4 spark.executor.memory=4g; they win over those that the jobs have by themselves",
    )

    # Exploration
    sample_rows: int = Field(
        20_000, ge=30, description="reviews in the sample that explore_reviews proves and scores the sentiment of"
    )
    explore_memory: str = Field("1g", description="heap of the Spark driver that explores")

    # What a model learns from, and when
    retrain_mark: int = Field(1_000, gt=0, description="lag, in interactions, at which retraining starts")
    retrain_poll_seconds: float = Field(2, ge=0.5, le=3_600, description="seconds between two measurements of the lag")
    retrain_min_minutes: float = Field(
        0, ge=0, description="minutes that pass, at least, between one retrain by lag and the next"
    )
    retrain_backoff_seconds: float = Field(
        60, gt=0, description="wait after a retrain by lag that failed; doubles with each further failure"
    )
    retrain_backoff_max_seconds: float = Field(1_800, gt=0, description="where that wait stops doubling")
    ingest_wait_seconds: float = Field(
        60, ge=0, description="how long a retrain waits for the ingest to store what had come when it started"
    )
    window: int = Field(1_000_000, gt=0, description="newest interactions that training sees")
    top_n: int = Field(20, gt=0, le=1_000, description="recommendations stored for each user")
    diversity: float = Field(
        0.0, ge=0, le=1, description="how unlike the items of a list are to be: 0 by score alone, 1 by unlikeness alone"
    )
    new_item_share: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="share of the places of each list that items which nobody has taken yet get, where lists with them do not lose "
        "on held-out interactions; 0: none",
    )
    engine: str = Field("auto", pattern="^(auto|spark|implicit)$", description="ALS engine: auto, spark or implicit")
    search_every: int = Field(10, gt=0, description="models between two searches for hyper-parameters")
    kept_models: int = Field(
        5, gt=1, description="models kept whole, to roll back to; older ones keep their figures only"
    )

    graph_recommended: int = Field(
        10, gt=0, le=1_000, description="recommendations of each user that the exported graph takes, best first"
    )
    kept_runs: int = Field(
        10, gt=0, description="runs of each DAG whose artifacts tidy_up keeps, besides those of models that are kept"
    )

    # The stream
    event_weights: str = Field(
        "view=1 click=2 wish=3 cart=4 purchase=5",
        pattern=r"^[a-z][a-z0-9_]{0,31}=\d+(\.\d+)?( [a-z][a-z0-9_]{0,31}=\d+(\.\d+)?)*$",
        description="event types that a message may name, and the weight of each",
    )
    event_default: str = Field("view", description="type of a message that names none and has no rating")
    ingest_batch: int = Field(50_000, gt=0, description="messages that the ingest takes from Kafka at a time, at most")
    ingest_master: str = Field("local[2]", description="Spark master of the ingest")
    ingest_memory: str = Field("1g", description="heap of the ingest's Spark driver")
    checkpoints: str = Field(
        "", description="where the ingest keeps its checkpoint: any Hadoop file system; empty: <state>/checkpoints"
    )

    # People
    require_approval: bool = Field(
        False,
        description="whether a person is asked before a model that passed the gate goes live (a param of the retrain too)",
    )
    approval_hours: float = Field(
        24, gt=0, description="hours in which they may answer; after them the model is rejected"
    )
    approvers: str = Field(
        "",
        description="names of the Airflow users who may answer, separated by commas; empty: whoever may, by their role",
    )
    alert_webhook: SecretStr = Field(
        SecretStr(""),
        description="URL that failures, and questions to a person, are posted to as JSON; empty: the log only",
    )

    # The storefront
    shop_host: str = Field(
        "127.0.0.1", description="address that the storefront and its live stream listen on; containers need 0.0.0.0"
    )
    shop_port: int = Field(8090, gt=0, lt=65536, description="port of the storefront: pages and API")
    shop_live_port: int = Field(8091, gt=0, lt=65536, description="port of its live stream (server-sent events)")
    shop_url: str = Field(
        "",
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?/?$",
        description="address of the storefront as browsers see it, for links to it; empty: http, shop_host, shop_port",
    )
    shop_live_url: str = Field(
        "",
        pattern=r"^(/|(https?://[A-Za-z0-9.:\[\]-]+)?/?)$",
        description="address of the live stream as browsers see it: of the storefront's own host, for its cookie goes to no other; "
        "/: the storefront's own, where a proxy divides it by path; empty: the storefront's own host, port shop_live_port",
    )
    shop_workers: int = Field(2, gt=0, le=64, description="processes that answer for the storefront")
    shop_tls: bool = Field(
        False,
        description="a proxy, one of shop_trusted_proxies, speaks TLS for the storefront: its cookies are then Secure, and HSTS is "
        "sent",
    )
    shop_trusted_proxies: str = Field(
        "",
        description="addresses or networks, separated by commas, from which a proxy connects to the storefront: by its word alone "
        "it is known who asks (X-Forwarded-For), and whether by TLS (X-Forwarded-Proto); empty: no proxy is believed",
    )
    shop_proxies: int = Field(
        1,
        ge=0,
        le=10,
        description="proxies one behind another that each request comes through, the last of them one of shop_trusted_proxies; each "
        "must add to X-Forwarded-For from whom it has the request; 0: no proxy is believed",
    )
    shop_secret: SecretStr = Field(
        SecretStr(""),
        description="secret that forms and recommendation ids are signed with, and by which jobs know who was erased; the same "
        "everywhere, and for good: under another one, who was erased would come back",
    )
    shop_password: SecretStr = Field(SecretStr(""), description="password of the demo accounts that `make run` makes")
    shop_images: str = Field(
        "drawn",
        pattern="^(drawn|remote)$",
        description="pictures of products: drawn here, or remote, which lets the shopper's browser ask other hosts",
    )
    shop_tail: int = Field(
        1_000_000, gt=0, description="interactions newer than the model that a worker holds, at most"
    )
    shop_packs: str = Field(
        "", description="folder in which a host keeps the serving packs of models; empty: <state>/packs"
    )
    shop_session_hours: float = Field(24, gt=0, description="hours that a sign-in lasts without being used")
    shop_rate: int = Field(
        100_000,
        gt=0,
        description="requests a minute that one API key may make of one worker, unless the key says another",
    )

    # Lineage
    lineage: str = Field(
        "",
        description="where OpenLineage events of every DAG run and task go: an http(s) URL, or a file (a relative path is "
        "below <state>); empty: nowhere",
    )
    lineage_api_key: SecretStr = Field(SecretStr(""), description="API key of that URL; empty: none is sent")

    # docker-compose.yaml alone reads these
    cluster_mongo_image: str = Field(
        "mongo:8.0",
        description="image of MongoDB, 6.0 to 8.0; data of 6.0 must pass 7.0 first (docs/decisions/0019-mongodb-6-and-8.md)",
    )
    cluster_name: str = Field("localhost", description="name of the machine that people open: the proxy's, with TLS")
    cluster_tls: str = Field(
        "internal",
        description="the proxy's certificate: internal (of its own authority), <file> <key file>, or an e-mail address (Let's Encrypt)",
    )
    cluster_secrets: str = Field("./secrets", description="folder of the secrets that deploy/docker/secrets.sh makes")
    cluster_drivers_limit: str = Field(
        "8g",
        description="memory that the scheduler's container may take: it runs Spark's drivers and training on one machine",
    )
    cluster_mongo_key: SecretStr = Field(
        SecretStr(""), description="key that the members of the replica set share: 6 to 1024 characters of base64"
    )
    cluster_ca: SecretStr = Field(
        SecretStr(""), description="certificate of the authority that deploy/docker/certificates.sh makes"
    )
    cluster_certificate: SecretStr = Field(
        SecretStr(""), description="key and certificate of MongoDB's and Kafka's servers, where they speak TLS"
    )
    cluster_postgres_password: SecretStr = Field(SecretStr(""), description="password of Airflow's database")
    cluster_spark_secret: SecretStr = Field(
        SecretStr(""), description="secret by which Spark's master, workers and drivers know each other"
    )
    cluster_spark_worker_cores: int = Field(2, gt=0, description="cores of each Spark worker")
    cluster_spark_worker_memory: str = Field("4g", description="memory that the executors of a Spark worker share")
    cluster_spark_worker_limit: str = Field(
        "7g",
        description="memory that a Spark worker's container may take: that of its executors and their Python processes",
    )

    @field_validator("mongo_hosts")
    @classmethod
    def _well_formed(cls, hosts: str) -> str:
        """Refuse here what would make `mongo_uri` malformed: the Java driver's words for that quote it, password and all."""
        for address in hosts.split(","):
            host, _, port = address.rpartition(":")
            if not (_HOST.fullmatch(host) and _PORT.fullmatch(port) and int(port) < 65_536):
                raise ValueError(f"{address!r} is not host:port")
        return hosts

    @field_validator("spark_conf")
    @classmethod
    def _properties(cls, given: str) -> str:
        """Refuse at the start what spark-submit would take for another option."""
        _spark_properties(given)
        return given

    @model_validator(mode="after")
    def _scheduled(self) -> Self:
        """Refuse at the start a schedule that has nothing to load."""
        if self.load_schedule and not (self.load_source or self.load_products_source or self.load_reviews_source):
            raise ValueError("TIDEMARK_LOAD_SCHEDULE is set: set TIDEMARK_LOAD_SOURCE, which it loads, too")
        return self

    @model_validator(mode="after")
    def _signed_in_at_the_provider(self) -> Self:
        """Refuse at the start a provider by whom nobody could sign in."""
        if not self.oidc_issuer:
            return self
        if not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError(
                "TIDEMARK_OIDC_ISSUER is set: set TIDEMARK_OIDC_CLIENT_ID and TIDEMARK_OIDC_CLIENT_SECRET, which the provider gave, too"
            )
        if not (self.role_of_claim or self.oidc_default_role):
            raise ValueError(
                "TIDEMARK_OIDC_ISSUER is set, and nobody would have a role: set TIDEMARK_OIDC_ROLES or TIDEMARK_OIDC_DEFAULT_ROLE too"
            )
        return self

    @field_validator("oidc_roles")
    @classmethod
    def _known_roles(cls, roles: str) -> str:
        """Refuse at the start a role that Airflow does not have: who should have it would stay out."""
        for pair in filter(None, map(str.strip, roles.split(";"))):
            value, _, role = (part.strip() for part in pair.rpartition("="))
            if not value or role not in AIRFLOW_ROLES:
                raise ValueError(f"{pair!r} is not <value of the claim>=<{', '.join(AIRFLOW_ROLES)}>")
        return roles

    @field_validator("shop_trusted_proxies")
    @classmethod
    def _networks(cls, proxies: str) -> str:
        """Refuse at the start what would otherwise trust nobody, or not whom it was meant to."""
        for text in filter(None, map(str.strip, proxies.split(","))):
            ip_network(text)  # says which is wrong
        return proxies

    @property
    def trusted_proxies(self) -> "tuple[IPv4Network | IPv6Network, ...]":
        """`shop_trusted_proxies`, read; none where `shop_proxies` is 0."""
        named = self.shop_trusted_proxies.split(",") if self.shop_proxies else ()
        return tuple(ip_network(text.strip()) for text in named if text.strip())

    @property
    def mongo_uri(self) -> str:
        """Connection string with the platform's user; a secret, so never log it or pass it as an argument."""
        return self.mongo_uri_of("tidemark")

    def mongo_uri_of(self, application: str) -> str:
        """`mongo_uri` of an application that the server's log, profiler and list of operations name."""
        user, password = quote_plus(self.mongo_user), quote_plus(self.mongo_password.get_secret_value())
        members = "" if self.mongo_sharded else f"replicaSet={quote_plus(self.mongo_replica_set)}&"
        tls = ""
        if self.mongo_tls:
            tls = "&tls=true" + (f"&tlsCAFile={quote_plus(self.tls_ca)}" if self.tls_ca else "")
        return f"mongodb://{user}:{password}@{self.mongo_hosts}/?{members}authSource=admin&appName={application}{tls}"

    @property
    def spark_properties(self) -> dict[str, str]:
        """`spark_conf`, property -> value."""
        return _spark_properties(self.spark_conf)

    @property
    def approver_names(self) -> list[str]:
        """`approvers`, one by one."""
        return [name for name in (part.strip() for part in self.approvers.split(",")) if name]

    @property
    def role_of_claim(self) -> dict[str, list[str]]:
        """`oidc_roles`: value of the claim -> Airflow's roles."""
        found: dict[str, list[str]] = {}
        for pair in filter(None, map(str.strip, self.oidc_roles.split(";"))):
            value, _, role = pair.rpartition("=")
            found.setdefault(value.strip(), []).append(role.strip())
        return found

    @property
    def weight_of_event(self) -> dict[str, float]:
        """`event_weights`, event type -> weight.

        Raises:
            SettingError: `event_default` is none of them.
        """
        weights = {kind: float(weight) for kind, weight in (pair.split("=") for pair in self.event_weights.split())}
        if self.event_default not in weights:
            raise SettingError(
                f"TIDEMARK_EVENT_DEFAULT={self.event_default} is no type of TIDEMARK_EVENT_WEIGHTS: {', '.join(weights)}"
            )
        return weights

    @property
    def artifacts_root(self) -> str:
        """`artifacts`, or its default below the state folder."""
        return self.artifacts or str(self.state / "artifacts")

    @property
    def checkpoints_root(self) -> str:
        """`checkpoints`, or its default below the state folder."""
        return self.checkpoints or str(self.state / "checkpoints")

    @property
    def shop_address(self) -> str:
        """`shop_url` without a slash at its end, or its default."""
        return self.shop_url.rstrip("/") or f"http://{self.shop_host}:{self.shop_port}"

    @property
    def packs_root(self) -> Path:
        """`shop_packs`, or its default below the state folder."""
        return Path(self.shop_packs) if self.shop_packs else self.state / "packs"

    @property
    def landing_root(self) -> str:
        """`landing`, or its default below the state folder."""
        return self.landing or str(self.state / "landing")


SECRETS = Path("/run/secrets")
"""Where containers find secrets, each a file that bears its variable's name in small letters; the environment wins."""


def env_files() -> list[Path]:
    """The files that settings are read from; a later one wins over an earlier one, and the environment over all."""
    if named := os.environ.get("TIDEMARK_ENV_FILE"):
        return [Path(named).absolute()]
    state = os.environ.get("TIDEMARK_STATE")
    return [ROOT / ".env", *([Path(state).expanduser().absolute() / "env"] if state else [])]


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingError: a variable has a value that cannot work; the message names each one.
    """
    files = env_files()
    # The .env of whoever owns the clone is theirs alone: with a state folder of their own, others have a file of their own.
    readable = [file for file in files if len(files) == 1 or os.access(file, os.R_OK)]
    try:
        return Settings(_env_file=readable, _secrets_dir=SECRETS if SECRETS.is_dir() else None)
    except PermissionError as error:
        raise SettingError(
            f"{error.filename} belongs to another user: set TIDEMARK_STATE to a folder of yours"
        ) from None
    except ValidationError as error:
        wrong = "; ".join(
            f"TIDEMARK_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise SettingError(f"{wrong}. Mend it in .env or the environment (.env.example says what each means)") from None


def fresh(known: Settings, warn: Callable[[str], object] = log.warning) -> Settings:
    """The settings as `.env` has them now, for a process that lives long; `known` where these cannot work.

    Args:
        known: what was read before.
        warn: told of settings that cannot work.
    """
    settings.cache_clear()
    try:
        return settings()
    except SettingError as error:
        warn(f"{error}; going on with what was set before")
        return known
