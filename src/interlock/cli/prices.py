"""``interlock prices``: what markets do, live, as a server sees them.

Decides how a price reads on one line. Invariant: what is shown is the server's latest, not a tape.
"""

from typing import Annotated

import msgspec
from cyclopts import Parameter

from interlock.cli.connect import ProfileName, ServerJson, reading
from interlock.cli.errors import Exit
from interlock.cli.text import time_text
from interlock.client import Price


def prices(
    *instruments: Annotated[str, Parameter(help="Only these; all when none is named.")],
    count: Annotated[int | None, Parameter(help="End after so many lines.")] = None,
    profile: ProfileName = None,
    json: ServerJson = False,
) -> int:
    """Show the latest prices, a line whenever one changes. Not a record: see MARKET_DATA for those.

    For example:

        interlock prices

        interlock prices BTCUSDT.PAPER --json
    """
    with reading(profile) as client:
        try:
            for number, price in enumerate(client.prices(*instruments), 1):
                line = msgspec.json.encode(price).decode() if json else price_line(price)
                print(line, flush=True)
                if count is not None and number >= count:
                    break
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
    return Exit.OK


def price_line(price: Price) -> str:
    known = [("last", price.last), ("bid", price.bid), ("ask", price.ask)]
    known += [("mark", price.mark), ("index", price.index)]
    told = "  ".join(f"{name} {value}" for name, value in known if value is not None)
    return f"{time_text(price.at)[11:]} {price.instrument}  {told}"
