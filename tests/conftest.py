"""For all tests: a busy machine is no failure, so properties have no deadline per example."""

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
