"""Made-up markets: the same for a seed, believable, and with everything a stop must survive."""

from hashlib import blake2b
from itertools import pairwise

import msgspec
import pytest

from interlock.market.generator import BTC, MINUTE_NS, Regime, Stretch, generate, usual
from interlock.market.script import SECOND_NS, START_NS, Script
from interlock.orders.instruments import Instrument
from interlock.orders.ticks import Depth, Index, Mark, Quote, Tick, Trade

from .files import BTC as PLAIN


def digest(ticks: list[Quote | Trade]) -> str:
    return blake2b(msgspec.msgpack.encode(ticks), digest_size=8).hexdigest()


def prices(ticks: list[Quote | Trade]) -> list[int]:
    return [tick.price for tick in ticks if isinstance(tick, Trade)]


def one(regime: Regime, seconds: int = 600, seed: int = 5) -> list[Quote | Trade]:
    calm = Stretch(Regime.CALM, 300)
    return list(generate(seed, stretches=(calm, Stretch(regime, seconds), calm)))


def test_a_seed_is_the_same_market_everywhere() -> None:
    """Changing this digest changes every demonstration and every story told with a seed."""
    assert digest(list(generate(1, minutes=20))) == "d6fc8007d6dbedf4"
    assert digest(list(generate(2, minutes=20))) != "d6fc8007d6dbedf4"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("minutes", [1, 30])
def test_time_goes_on_and_prices_stay_sound(seed: int, minutes: int) -> None:
    ticks = list(generate(seed, minutes))
    times = [tick.at for tick in ticks]
    assert times == sorted(times)
    assert times[0] >= START_NS
    assert times[-1] < START_NS + (minutes + 2) * MINUTE_NS
    assert len(ticks) > 100 * minutes
    for tick in ticks:
        if isinstance(tick, Trade):
            assert tick.price > 0
            assert tick.quantity > 0
        else:
            assert tick.sound or (tick.bid, tick.ask) == (0, 0)


def test_volatility_comes_in_clusters() -> None:
    """Large moves follow large moves: squared returns are correlated, returns hardly are."""
    trades = prices(list(generate(3, stretches=(Stretch(Regime.CALM, 40_000),))))[::10]
    returns = [b - a for a, b in pairwise(trades)]

    def correlation(values: list[int]) -> float:
        mean = sum(values) / len(values)
        centred = [value - mean for value in values]
        lagged = sum(a * b for a, b in pairwise(centred))
        return lagged / sum(value * value for value in centred)

    assert abs(correlation(returns)) < 0.1
    assert correlation([abs(value) for value in returns]) > 0.1


def test_a_crash_has_a_wick_and_comes_back() -> None:
    ticks = one(Regime.CRASH)
    found = prices(ticks)
    low = min(found)
    assert low < found[0] * 94 // 100
    assert found[-1] > found[0] * 97 // 100
    wick = found.index(low)
    assert min(found[wick - 20 : wick - 3]) > low * 101 // 100, "the wick stands alone"
    spreads = [tick.ask - tick.bid for tick in ticks if isinstance(tick, Quote)]
    assert max(spreads) > 20 * min(spreads)


def test_a_gap_jumps_in_silence() -> None:
    ticks = one(Regime.GAP)
    (silence,) = [n for n, tick in enumerate(ticks[1:]) if tick.at - ticks[n].at > 500 * SECOND_NS]
    before, after = prices(ticks[: silence + 1])[-1], prices(ticks[silence + 1 :])[0]
    assert abs(after - before) > before // 60


def test_a_halt_shows_an_empty_quote_and_goes_on_where_it_was() -> None:
    ticks = one(Regime.HALT)
    (halted,) = [n for n, t in enumerate(ticks) if isinstance(t, Quote) and t.bid == t.ask == 0]
    assert ticks[halted + 1].at - ticks[halted].at > 500 * SECOND_NS
    before, after = prices(ticks[:halted])[-1], prices(ticks[halted:])[0]
    assert abs(after - before) < before // 500


def test_trends_go_where_they_say() -> None:
    for regime, sign in ((Regime.RISE, 1), (Regime.FALL, -1)):
        found = prices(one(regime, 3_600))
        assert (found[-1] - found[0]) * sign > found[0] // 100


def test_the_usual_market_has_everything() -> None:
    assert {stretch.regime for stretch in usual(60)} == set(Regime)
    assert sum(stretch.seconds for stretch in usual(60)) == 3_600


def test_another_instrument_in_its_own_increments() -> None:
    future = Instrument("ES.PAPER", "0.25", "1")
    found = list(generate(1, 10, future, price="5000"))
    assert {tick.instrument for tick in found} == {"ES.PAPER"}
    assert abs(prices(found)[0] - 20_000) < 20
    with pytest.raises(ValueError, match="not a multiple"):
        next(generate(1, 10, future, price="5000.1"))
    assert BTC.symbol == "BTCUSDT.PAPER"


def test_a_script_says_what_it_was_told() -> None:
    s = PLAIN.symbol
    script = (
        Script(PLAIN, at=0, every_ns=10)
        .trade("100", "0.5", aggressor=1)
        .to("101", steps=2)
        .wick("90")
        .quote("100", "100.01", ask_size="2")
        .quote(ask="100")
        .wait(1)
        .mark("99")
        .index("98")
        .depth([("99", "1")], [("101", "2"), ("102", "3")])
    )
    expected: list[Tick] = [
        Trade(s, 0, 10_000, 500, 1),
        Trade(s, 10, 10_050, 1_000),
        Trade(s, 20, 10_100, 1_000),
        Trade(s, 30, 9_000, 1_000),
        Trade(s, 40, 10_100, 1_000),
        Quote(s, 50, 10_000, 0, 10_001, 2_000),
        Quote(s, 60, 0, 0, 10_000, 0),
        Mark(s, SECOND_NS + 70, 9_900),
        Index(s, SECOND_NS + 80, 9_800),
        Depth(s, SECOND_NS + 90, ((9_900, 1_000),), ((10_100, 2_000), (10_200, 3_000))),
    ]
    assert script.ticks == expected
    assert script.at == SECOND_NS + 100


def test_a_script_off_the_increments_is_a_mistake_in_the_test() -> None:
    with pytest.raises(AssertionError, match="not a multiple"):
        Script(PLAIN).trade("100.001")
