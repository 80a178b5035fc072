"""``interlock serve``: the server on its embedded defaults; ``interlock config``: its file.

Decides where data and configuration lie and what a first start shows. Invariant: the admin password
is shown once, at the very first start, and nothing secret is ever shown again.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
import uvloop
from cyclopts import App, Parameter
from platformdirs import user_data_path

from interlock.api import logs
from interlock.api.access.limits import KILLING, Rate
from interlock.api.access.opening import Access, AccessSettings
from interlock.api.alerting import channels
from interlock.api.alerting.channels import Channel
from interlock.api.certificates import self_signed
from interlock.api.config import (
    NAME,
    TEMPLATE,
    Config,
    ConfigWrong,
    Market,
    Web,
    address_of,
    checked,
    load,
)
from interlock.api.logs import Log
from interlock.api.route import Budget
from interlock.api.serving import Server, Settings
from interlock.api.venues import binance_settings
from interlock.cli.errors import BadInput
from interlock.cli.markets import find_markets
from interlock.cli.text import err, out
from interlock.market.course import GENERATED, Course
from interlock.market.readers import MarketFile
from interlock.runtime.calendars import Calendars
from interlock.venues.binance.settings import BinanceSettings

ALERT_URLS = "INTERLOCK_ALERT_URLS"
Data = Annotated[
    Path | None,
    Parameter(help="The data folder; the platform's own place for it when not given."),
]

config = App(name="config", help="The server's configuration file.")


def data_folder(given: Path | None) -> Path:
    return given or user_data_path("interlock", appauthor=False)


def serve(
    *,
    data: Data = None,
    host: Annotated[str | None, Parameter(help="Address to listen on.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 for any free one.")] = None,
    market: Annotated[
        str | None,
        Parameter(help="generated[:SEED], or files of recorded markets separated by commas."),
    ] = None,
    speed: Annotated[float | None, Parameter(help="How many times real time.")] = None,
    venue: Annotated[
        str | None, Parameter(help="HOST:PORT of a paper venue (interlock paper-venue).")
    ] = None,
    insecure: Annotated[
        bool, Parameter(help="Listen beyond this machine without TLS all the same.")
    ] = False,
    live: Annotated[
        bool, Parameter(help="Trade with real money; the configuration must say so too.")
    ] = False,
) -> int:
    """Serve orders over HTTP, on a paper exchange in this process or in another one.

    Starts from nothing: makes its data folder, a configuration file with comments, and the admin
    password, which it shows once. A second start goes on exactly where the first one stopped.

        interlock serve

        interlock serve --data ./desk --port 9000 --market generated:7

        interlock serve --market BTCUSDT=trades.csv --speed 60

        interlock serve --venue 127.0.0.1:8470
    """
    folder = data_folder(data)
    file = config_in(folder)
    typed: dict[str, dict[str, object]] = {
        "web": {"host": host, "port": port, "insecure": insecure or None},
        "market": {"source": market, "speed": speed},
        "venue": {"address": venue},
    }
    settings = overridden(read_config(file), file, typed)
    both_say_so(settings, file, live)
    course = course_of(settings.market)
    access = Access(folder, os.environ, time.time_ns, access_settings(settings))
    log = opened_log(settings)
    try:
        password = access.admin.first_password()
        made = server_settings(folder, settings, course, log)
        made.binance = at_binance(settings, access, file, folder)
        made.channels = alert_channels(access)
        server = Server(made, access)
        with suppress(KeyboardInterrupt):
            uvloop.run(server.run(lambda up: greet(up, folder, password)))
        farewell(server)
        log.note("stopped")
    finally:
        access.close()
        log.close()
    return 0


def config_in(folder: Path) -> Path:
    """The folder's configuration, with every default if there was none."""
    file = folder / NAME
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(TEMPLATE)
    return file


def both_say_so(settings: Config, file: Path, live: bool) -> None:
    """Real money is traded only where configuration and command say so. Raises ``BadInput``."""
    if (settings.environment == "live") is not live:
        raise BadInput(
            f"{file}: environment is {settings.environment}, and --live was "
            f"{'typed' if live else 'not typed'}. Real money is traded only where both say so."
        )


def server_settings(folder: Path, settings: Config, course: Course, log: Log) -> Settings:
    venue = settings.venue.address
    return Settings(
        folder,
        course,
        host=settings.web.host,
        port=settings.web.port,
        speed=settings.market.speed,
        venue=address_of(venue) if venue and settings.venue.kind == "paper" else None,
        environment=settings.environment,
        tls=tls_files(folder, settings.web),
        encrypt=settings.journal.encrypt,
        calendars=settings.sessions.calendars,
        alerts=settings.alerts,
        cooling_off=settings.risk.cooling_off,
        log=log,
    )


def at_binance(
    settings: Config, access: Access, file: Path, folder: Path
) -> BinanceSettings | None:
    try:
        return binance_settings(settings, access, folder)
    except ConfigWrong as error:
        raise BadInput(f"{file}: {error}") from error


def alert_channels(access: Access) -> list[Channel]:
    """Where a person is told, as it is kept and as the environment says."""
    try:
        return channels.opened(access.alert_channels.all(), os.environ.get(ALERT_URLS, ""))
    except ValueError as error:
        raise BadInput(f"{error}.") from error


def opened_log(settings: Config) -> Log:
    kept = settings.log
    try:
        log = logs.opened(kept.file, kept.level, kept.format, settings.environment)
    except logs.LogUnwritable as error:
        raise BadInput(str(error)) from error
    log.hear_libraries()
    return log


def greet(server: Server, folder: Path, password: str | None) -> None:
    scheme = "http" if server.settings.tls is None else "https"
    url = f"{scheme}://{server.settings.host}:{server.port}"
    server.settings.log.note("serving", url=url, folder=str(folder))
    console = out()
    console.print(f"Interlock serves in {folder} ({server.settings.environment}).")
    for what, path in (("API", "/v1"), ("docs", "/docs"), ("metrics", "/metrics")):
        console.print(f"  {what:8} {url}{path}")
    if password is not None:
        console.print(f"\nAdmin password, shown this once: {password}\n")
        console.print("Make a key with it: interlock keys create NAME --scopes read,trade")
    console.print("Ctrl-C stops; nothing is lost by it.")
    sys.stdout.flush()


def farewell(server: Server) -> None:
    """What is still live, and where: it is not watched while no server runs."""
    state = server.line.state
    live = [order for order in state.orders.sketches() if not order.done]
    console = out()
    console.print(f"Stopped; {server.line.commits.tail.n:,} commits are in the journal.")
    if live:
        resting = [leg for order in live for leg in order.legs if leg.venue is not None]
        console.print(
            f"Still live: {len(live):,} orders, of which {len(resting):,} venue orders rest at "
            f"{server.venue.name}. Legs held here trigger nothing until the next start."
        )
    held = [(key, units) for key, units in sorted(state.net.items()) if units]
    for (account, symbol, side), units in held:
        text = state.markets[symbol].grid.quantity_text(units)
        console.print(f"  {account} holds {text} {symbol} {side}".rstrip())


def read_config(file: Path) -> Config:
    try:
        return load(file, os.environ)
    except ConfigWrong as error:
        raise BadInput(str(error)) from error


def overridden(settings: Config, file: Path, typed: dict[str, dict[str, object]]) -> Config:
    """What was typed wins over file and environment; None was not typed."""
    replace = msgspec.structs.replace
    for part, values in typed.items():
        given = {name: value for name, value in values.items() if value is not None}
        settings = replace(settings, **{part: replace(getattr(settings, part), **given)})
    try:
        return checked(settings, file)
    except ConfigWrong as error:
        raise BadInput(str(error)) from error


def course_of(market: Market) -> Course:
    name, _, seed = market.source.partition(":")
    if name == GENERATED:
        if seed and not (seed.isascii() and seed.isdigit() and len(seed) < 10):
            raise BadInput(
                f"market {market.source!r}: write generated or generated:SEED, as in generated:7."
            )
        return Course(int(seed or "1"))
    found = find_markets([part for part in market.source.split(",") if part], None)
    for inferred in found.inferred:
        err().print(inferred.note)
    other = [s.symbol for s in found.sources if not s.symbol.endswith(".PAPER")]
    if other:
        raise BadInput(f"market {other[0]}: this server's one venue is PAPER.")
    files = [MarketFile(s.path, found.instruments[s.symbol]) for s in found.sources]
    return Course(files=files)


def tls_files(folder: Path, web: Web) -> tuple[Path, Path] | None:
    if web.tls_self_signed:
        return self_signed(folder, web.host, time.time_ns())
    if not web.tls_certificate:
        return None
    files = Path(web.tls_certificate), Path(web.tls_key)
    for file in files:
        if not file.is_file():
            raise BadInput(f"{file}: there is no such file; web.tls_certificate names it.")
    return files


def access_settings(settings: Config) -> AccessSettings:
    limits, secrets = settings.limits, settings.secrets
    return AccessSettings(
        key_file=Path(secrets.key_file) if secrets.key_file else None,
        keyring_service=secrets.keyring,
        window_ms=settings.signing.window_ms,
        token_minutes=settings.tokens.minutes,
        rates={
            Budget.PLACING: Rate(limits.placing_per_s, limits.placing_burst),
            Budget.PROTECTING: Rate(limits.protecting_per_s, limits.protecting_burst),
            Budget.KILLING: KILLING,
            Budget.READING: Rate(limits.reading_per_s, limits.reading_burst),
        },
    )


@config.command
def check(file: Path | None = None, *, data: Data = None) -> int:
    """Say whether a configuration can be used, and what it comes to.

    interlock config check

    interlock config check ./config.toml
    """
    path = file or data_folder(data) / NAME
    if not path.exists():
        raise BadInput(f"{path}: there is no such file. interlock serve makes one.")
    settings = read_config(path)
    Calendars(settings.sessions.calendars)
    console = out()
    console.print(f"{path} can be used. With the environment it comes to:")
    for name, value in msgspec.to_builtins(settings).items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, one in parts:
            console.print(f"  {name}{'.' if part else ''}{part} = {one!r}")
    return 0


@config.command
def show() -> int:
    """Print a configuration file with every setting, its default and what it means.

    interlock config show > config.toml
    """
    sys.stdout.write(TEMPLATE)
    return 0
