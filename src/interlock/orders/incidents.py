"""Incidents: what should not have happened and was handled.

Decides their names, which are part of the API: added to, never renamed.
"""

from enum import StrEnum


class IncidentKind(StrEnum):
    """Something that should not have happened and was handled."""

    DOUBLE_FILL = "double_fill"
    OVERFILL = "overfill"
    PHANTOM_FILL = "phantom_fill"
    LATE_FILL = "late_fill"
    STRAY_FILL = "stray_fill"
    ORPHAN = "orphan"
    EXIT_REJECTED = "exit_rejected"
    NAKED_POSITION = "naked_position"
    OUTSIDE_CHANGE = "outside_change"
    OUTSIDE_CLOSE = "outside_close"
    IN_DOUBT = "in_doubt"
    DUST_LEFT = "dust_left"
    GAP = "gap"
    AMEND_REFUSED = "amend_refused"
    RULE_REFUSED = "rule_refused"
    FLATTEN_FAILED = "flatten_failed"
    STALE_FEED = "stale_feed"
    BREAKER_OPENED = "breaker_opened"
    COUNTDOWN_RAN_OUT = "countdown_ran_out"
    LOSS_LIMIT = "loss_limit"
    VENUE_GONE = "venue_gone"
    MARGIN_LOW = "margin_low"
    SIGNAL_FROZEN = "signal_frozen"
    CLOCK_STEPPED = "clock_stepped"
    KILLED = "killed"
    FLATTEN_REFUSED = "flatten_refused"
    DELISTED = "delisted"
    FLATTEN_MISSED = "flatten_missed"
