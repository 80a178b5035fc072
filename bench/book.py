"""Engines full of resting legs, made the way they are made in life: placed and decided."""

import msgspec

from interlock.engine.decide import decide
from interlock.engine.inputs import Define
from interlock.engine.state import State
from interlock.orders.capabilities import Capabilities
from interlock.orders.commands import PlaceOrder
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Trade

SYMBOL = "BTCUSDT.PAPER"
AT = 1_700_000_000_000_000_000
MID = 3_000_000
PLACE = msgspec.json.Decoder(PlaceOrder)


def engine() -> State:
    state = State()
    instrument = Instrument(SYMBOL, price_increment="0.01", quantity_increment="0.001")
    decide(state, Define((instrument,), (("PAPER", Capabilities()),)), AT)
    decide(state, Trade(SYMBOL, AT, MID, 1), AT)
    return state


def pair(number: int) -> bytes:
    """An OCO of two stops around the market, neither near it."""
    up = 31_000 + number % 977
    down = 29_000 - number % 977
    return (
        f'{{"client_order_id":"p{number}","account":"main","order":{{"type":"oco","legs":['
        f'{{"type":"stop","instrument":"{SYMBOL}","side":"buy","quantity":"0.5",'
        f'"trigger_price":"{up}.{number % 100:02}"}},'
        f'{{"type":"stop","instrument":"{SYMBOL}","side":"sell","quantity":"0.5",'
        f'"trigger_price":"{down}.{number % 100:02}"}}]}}}}'
    ).encode()


def resting_price(number: int) -> int:
    """Where the buy of resting pair ``number`` rests: two increments under the one before."""
    return MID - 1_000 - 2 * number


def resting_pair(number: int, name: str = "r") -> bytes:
    """An OCO of two limits that rest at the venue; a falling market fills the buys by number."""
    price = resting_price(number)
    return (
        f'{{"client_order_id":"{name}{number}","account":"main","order":{{"type":"oco",'
        f'"on_partial_fill":"cancel","legs":['
        f'{{"type":"limit","instrument":"{SYMBOL}","side":"buy","quantity":"0.5",'
        f'"price":"{price // 100}.{price % 100:02}"}},'
        f'{{"type":"limit","instrument":"{SYMBOL}","side":"sell","quantity":"0.5",'
        f'"price":"35000"}}]}}}}'
    ).encode()


def stop(number: int, price: int) -> bytes:
    return (
        f'{{"client_order_id":"s{number}","account":"main","order":{{"type":"stop",'
        f'"instrument":"{SYMBOL}","side":"sell","quantity":"0.5",'
        f'"trigger_price":"{price // 100}.{price % 100:02}"}}}}'
    ).encode()


def trailing(number: int, offset: int) -> bytes:
    return (
        f'{{"client_order_id":"t{number}","account":"main","order":{{"type":"trailing_stop",'
        f'"instrument":"{SYMBOL}","side":"sell","quantity":"0.5","trail":{{"ticks":{offset}}}}}}}'
    ).encode()


def place(state: State, body: bytes, at: int = AT) -> None:
    decision = decide(state, PLACE.decode(body), at)
    assert decision.answer is not None


def resting(legs: int) -> State:
    """``legs`` sell stops, half fixed and half trailing, armed at many different watermarks."""
    state = engine()
    for number in range(legs // 2):
        place(state, stop(number, 2_500_000 + number % 400_000))
        if number % 50 == 0:  # the market sinks now and then: many watermarks, as in life
            decide(state, Trade(SYMBOL, AT, MID - number % 5_000, 1), AT)
        place(state, trailing(number, 100_000 + number % 300_000))
    decide(state, Trade(SYMBOL, AT, MID - 5_000, 1), AT)
    return state
