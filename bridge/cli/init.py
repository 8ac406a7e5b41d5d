"""`mef-bridge init`: a working directory for a Seller, from nothing but an installed bridge."""

import hashlib
import json
import re
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from bridge import __version__, box
from bridge.errors import PermanentError

SCHEMA = "pack.schema.json"


@dataclass(frozen=True, slots=True)
class Keys:
    """What is told once: the Buyer's key, and the token that opens the console."""

    buyer: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    operator: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class CantInit(PermanentError):
    """The working directory can't be made."""


def init(
    directory: Annotated[Path, typer.Argument(help="The directory to make; it must be empty, or not there.")],
    pack: Annotated[str | None, typer.Option(help="Begin with this pack of the box; default acme-wfm.")] = None,
    samples: Annotated[
        list[Path] | None,
        typer.Option("--sample", help="Begin a pack from this message (JSON, XML), or folder of them."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the pack that is begun from samples.")] = "my-wfm",
    buyer: Annotated[str, typer.Option(help="The first Buyer, as the standard's buyerId.")] = "acme-buyer",
) -> None:
    """Make a working directory for a Seller: settings, a Buyer with a key, a pack to begin with, a compose file.

    The Buyer's key and an operator's token are printed, and kept nowhere: the directory has their hashes only.
    """
    if samples and pack is not None:
        raise CantInit("give --sample or --pack, not both")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", buyer):
        raise CantInit(f"--buyer: expected letters, digits, '.', '_' and '-', got {buyer!r}")
    _make_empty(directory)
    begun = _begin(directory, samples, name) if samples else _copy(directory, pack or "acme-wfm")
    _write_schema(directory)
    keys = Keys()
    for path, text, mode in _files(begun, buyer, keys):
        file = directory / path
        file.parent.mkdir(exist_ok=True)
        file.touch(mode=mode)
        file.write_text(text, encoding="utf-8")
    _tell(directory, begun, buyer, keys)


def _make_empty(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        found = sorted(path.name for path in directory.iterdir())
    except OSError as failure:
        raise CantInit(f"{directory}: {failure.strerror or failure}") from None
    if found:
        raise CantInit(f"{directory} is not empty: there is {found[0]}")


def _begin(directory: Path, samples: list[Path], name: str) -> str:
    from bridge.cli.mapping.new import begin  # not before it is needed: it is slow to import

    begin(directory / "mappings" / name, samples)
    return name


def _copy(directory: Path, pack: str) -> str:
    source = box.packs().get(pack)
    if source is None:
        raise CantInit(f"there is no pack {pack!r} in the box; there are {', '.join(box.packs())}")
    target = directory / "mappings" / pack
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    file = target / "pack.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("$schema=../../docs/", "$schema=../../"), encoding="utf-8")
    return pack


def _write_schema(directory: Path) -> None:
    """Write the schema of packs, which editors look up: the packs name it."""
    from bridge.mapping.document.schema import pack_schema  # as above

    text = json.dumps(pack_schema(), indent=2, ensure_ascii=False)
    (directory / SCHEMA).write_text(text + "\n", encoding="utf-8")


def _files(pack: str, buyer: str, keys: Keys) -> list[tuple[str, str, int]]:
    """Give what is written, each with its rights: those that hold passwords are for this user only."""
    digest, operator = (hashlib.sha256(key.encode()).hexdigest() for key in (keys.buyer, keys.operator))
    return [
        ("config/bridge.yaml", SETTINGS.format(pack=pack, operator=operator), 0o644),
        ("config/buyers.yaml", BUYERS.format(buyer=buyer, digest=digest), 0o644),
        ("compose.yaml", COMPOSE.replace("VERSION", __version__), 0o644),
        (".env", f"RABBITMQ_PASSWORD={secrets.token_hex(16)}\nPOSTGRES_PASSWORD={secrets.token_hex(16)}\n", 0o600),
        (".gitignore", "/.env\n/var/\n", 0o644),
    ]


def _tell(directory: Path, pack: str, buyer: str, keys: Keys) -> None:
    typer.echo(
        f"made {directory}: config/bridge.yaml, config/buyers.yaml, mappings/{pack}, compose.yaml\n\n"
        f"  key of {buyer}: {keys.buyer}\n"
        f"  token of the operator, for the console: {keys.operator}\n"
        "  (only their hashes are kept: hand them over now)\n\n"
        "next:\n"
        f"  cd {directory}\n"
        f"  mef-bridge mapping check mappings/{pack}\n"
        "  mef-bridge doctor        # what is still missing, RabbitMQ and the WFM's exchanges above all\n"
        "  mef-bridge serve         # or, with RabbitMQ and PostgreSQL in containers: docker compose up"
    )


SETTINGS = """\
# The settings of this bridge: what differs from the defaults. `mef-bridge doctor` says whether they will do.
# A variable BRIDGE_<SECTION>_<KEY> overrides a key; ${{NAME}} in a value stands for a variable. Paths are from where
# the bridge is started.

instance: bridge-1
mode: production
packs: [mappings/{pack}]
buyers: config/buyers.yaml

http:
  host: 127.0.0.1        # 0.0.0.0 behind a proxy, with
  # base_url: https://bridge.example.com   # how Buyers reach the bridge
  port: 8137

broker:
  url: amqp://guest:guest@localhost:5672/   # RabbitMQ, where the WFM is; for real: ${{AMQP_URL}}, or password_file

database:
  url: sqlite:///var/mef-bridge.sqlite3     # for several processes: postgresql://user@host/name, and password_file

# The console, metrics and probes: http://localhost:8138/
admin:
  users:
    - name: operator
      role: operator
      token_sha256: [{operator}]
"""

BUYERS = """\
# Who may call the bridge, and for which Buyers (MEF 137 R5-R9). A key is kept as the SHA-256 of it, in lower-case hex;
# several of them allow a key to be replaced without a pause. To make one:
#
#   key=$(openssl rand -hex 32); echo $key; printf %s $key | sha256sum

requesting_entities:
  - name: {buyer}
    api_keys_sha256:
      - {digest}
    buyers: [{buyer}]
"""

COMPOSE = """\
# The bridge with a RabbitMQ and a PostgreSQL of its own; passwords are in .env. The image is made in the repository of
# mef-bridge: docker build -t mef-bridge:VERSION .
#
#   docker compose up
#   docker compose exec bridge mef-bridge doctor

services:
  bridge:
    image: mef-bridge:VERSION
    environment:
      BRIDGE_HTTP_HOST: 0.0.0.0
      BRIDGE_HTTP_BASE_URL: http://localhost:8137   # how Buyers reach it
      BRIDGE_ADMIN_HOST: 0.0.0.0
      BRIDGE_ADMIN_BASE_URL: http://localhost:8138  # how operators reach the console
      BRIDGE_BROKER_URL: amqp://bridge:${RABBITMQ_PASSWORD:?}@rabbitmq:5672/
      BRIDGE_BROKER_DECLARE_EXCHANGES: "true"       # until the WFM makes its exchanges itself
      BRIDGE_DATABASE_URL: postgresql://bridge:${POSTGRES_PASSWORD:?}@postgres:5432/bridge
      BRIDGE_LOG_FORMAT: json
    volumes: ["./config:/app/config:ro", "./mappings:/app/mappings:ro"]
    ports: ["127.0.0.1:8137:8137", "127.0.0.1:8138:8138"]
    depends_on:
      rabbitmq: {condition: service_healthy}
      postgres: {condition: service_healthy}
    restart: unless-stopped

  rabbitmq:
    image: rabbitmq:4-management-alpine
    hostname: rabbitmq  # the name of the data directory follows it
    environment:
      RABBITMQ_DEFAULT_USER: bridge
      RABBITMQ_DEFAULT_PASS: ${RABBITMQ_PASSWORD:?}
    ports: ["127.0.0.1:15672:15672"]
    healthcheck:
      test: ["CMD", "rabbitmq-diagnostics", "-q", "check_port_connectivity"]
      interval: 5s
      timeout: 10s
      retries: 20
    volumes: ["rabbitmq:/var/lib/rabbitmq"]
    restart: unless-stopped

  postgres:
    image: postgres:17-alpine
    environment:
      POSTGRES_USER: bridge
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?}
      POSTGRES_DB: bridge
    healthcheck:
      test: ["CMD", "pg_isready", "-U", "bridge", "-d", "bridge"]
      interval: 3s
      timeout: 5s
      retries: 20
    volumes: ["postgres:/var/lib/postgresql/data"]
    restart: unless-stopped

volumes:
  rabbitmq:
  postgres:
"""
