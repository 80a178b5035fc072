"""Which engine runs is read off what was loaded."""

import os

from interlock.runtime.build import built


def test_the_build_is_the_one_that_was_asked_for():
    asked = "compiled" if "build/compiled" in os.environ.get("PYTHONPATH", "") else "pure"
    assert built() == asked
