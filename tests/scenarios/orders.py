"""The orders that the scenarios are told with."""

from typing import Any

BTC = "BTC.PAPER"


def limit(side: str, price: Any, quantity: str | None = None, **more: Any) -> dict[str, Any]:
    return _leg("limit", side, quantity, price=price, **more)


def market(side: str, quantity: str | None = None, **more: Any) -> dict[str, Any]:
    return _leg("market", side, quantity, **more)


def stop(side: str, trigger: Any, quantity: str | None = None, **more: Any) -> dict[str, Any]:
    return _leg("stop", side, quantity, trigger_price=trigger, **more)


def trailing(side: str, offset: str, quantity: str | None = None, **more: Any) -> dict[str, Any]:
    return _leg("trailing_stop", side, quantity, trail={"offset": offset}, **more)


def _leg(kind: str, side: str, quantity: str | None, **more: Any) -> dict[str, Any]:
    leg = {"type": kind, "instrument": BTC, "side": side, **more}
    return leg if quantity is None else leg | {"quantity": quantity}


def bracket(
    quantity: str = "10",
    entry: str = "100.00",
    target: Any = "110.00",
    loss: Any = "95.00",
    **more: Any,
) -> dict[str, Any]:
    """A long bracket: buy 10 at 100, target 110, stop 95."""
    return {
        "type": "bracket",
        "entry": limit("buy", entry, quantity, id="entry"),
        "take_profit": limit("sell", target, id="target"),
        "stop_loss": stop("sell", loss, id="stop"),
        **more,
    }


def ladder() -> dict[str, Any]:
    """Buy 10 at 100; targets of 50, 30 and 20 % under one stop at 95."""
    return {
        "type": "bracket",
        "entry": limit("buy", "100.00", "10", id="entry"),
        "take_profit": [
            limit("sell", "105.00", "50%", id="near"),
            limit("sell", "110.00", "30%", id="middle"),
            limit("sell", "115.00", "20%", id="far"),
        ],
        "stop_loss": stop("sell", "95.00", id="stop"),
    }


def exits(quantity: str = "100", **more: Any) -> dict[str, Any]:
    """A target and a stop for a position that is already there."""
    return {
        "type": "oco",
        "on_partial_fill": "reduce",
        "legs": [
            limit("sell", "110.00", quantity, id="target", reduce_only=True),
            stop("sell", "95.00", quantity, id="stop", reduce_only=True),
        ],
        **more,
    }


def straddle() -> dict[str, Any]:
    """Buy the breakout up or sell the breakout down."""
    return {
        "type": "oco",
        "legs": [
            stop("buy", "105.00", "10", id="up", trigger_by="bid_ask"),
            stop("sell", "95.00", "10", id="down", trigger_by="bid_ask"),
        ],
    }
