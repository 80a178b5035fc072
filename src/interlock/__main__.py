"""``python -m interlock`` is ``interlock``."""

from interlock.main import main

main()
