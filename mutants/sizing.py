"""Planted bugs in sizing, ladder arithmetic, amends and excess."""

from mutants.bug import Bug

SIZING = (
    Bug(
        "exits are sized by what was ordered",
        "sizing",
        "engine/wants.py",
        "        held = self.protectable(number, has) if any(kinds) else 0",
        "        held = self.protectable(number, size) if any(kinds) and has else 0",
        "A partly filled entry is exited whole: short by the rest.",
        100,
    ),
    Bug(
        "what exits have traded is not taken off",
        "sizing",
        "engine/wants.py",
        "        left = max(0, has - out)",
        "        left = max(0, has)",
        "After half a target the stop sells the whole position.",
        100,
    ),
    Bug(
        "a fill does not shrink the siblings",
        "sizing",
        "engine/wants.py",
        "                left = min(budget, shared - total - own)",
        "                left = budget",
        "Exits of a position held elsewhere trade it twice.",
        100,
    ),
    Bug(
        "exits stay when the entry is amended",
        "sizing",
        "engine/changes.py",
        '            made.append(changed(turn.state, order, ids[name], values, "trader"))\n'
        "        made = with_exits(order, made)\n",
        '            made.append(changed(turn.state, order, ids[name], values, "trader"))\n',
        "An entry that grew leaves the rest without a stop.",
        400,
    ),
    Bug(
        "a smallest order counts as dust",
        "sizing",
        "engine/sending.py",
        "    if quantity >= grid.min_quantity:\n        return quantity, False\n"
        "    if left >= grid.min_quantity:\n        return grid.min_quantity, False\n",
        "    if quantity > grid.min_quantity:\n        return quantity, False\n",
        "A position of the venue's smallest size keeps no exit.",
        25,
    ),
)

LADDERS = (
    Bug(
        "shares are rounded up",
        "ladder arithmetic",
        "engine/want.py",
        "        return (self.offset + quantity) * self.num // self.den - start",
        "        return -(-quantity * self.num // self.den)",
        "The first targets take lots that belong to the last.",
        100,
    ),
    Bug(
        "slices are cut one by one",
        "ladder arithmetic",
        "engine/wants.py",
        "            offset += scope.whole(order, child)\n",
        "",
        "Rounding loses a lot at every partial fill; it is never exited.",
        400,
    ),
    Bug(
        "targets are not cut to what is there",
        "ladder arithmetic",
        "engine/wants.py",
        "        self.cut(children, lefts, budget)\n",
        "",
        "Three targets at the venue for more than is held.",
        25,
    ),
)

EXCESS = (
    Bug(
        "an excess is flattened the wrong way",
        "excess",
        "engine/corrections.py",
        '            _add(turn, order, leg, -leg.terms.side, "flatten", quantity - seen, number)',
        '            _add(turn, order, leg, leg.terms.side, "flatten", quantity - seen, number)',
        "What was sold twice is sold a third time.",
        100,
    ),
    Bug(
        "an excess is told and not flattened",
        "excess",
        "engine/corrections.py",
        "        if policy is OnOverfill.FLATTEN:",
        "        if policy is not policy:",
        "A double fill stays a position, against on_overfill.",
        100,
    ),
    Bug(
        "an excess is flattened whatever the policy",
        "excess",
        "engine/corrections.py",
        "        if policy is OnOverfill.FLATTEN:",
        "        if policy is not OnOverfill.KEEP:",
        "on_overfill=alert trades on its own.",
        800,
    ),
    Bug(
        "flatten closes the wrong way",
        "excess",
        "engine/corrections.py",
        '        _add(turn, order, like, -1 if held > 0 else 1, "close", abs(held), -1)',
        '        _add(turn, order, like, -like.terms.side, "close", abs(held), -1)',
        "Canceling with flatten doubles what an exit had left.",
        50,
    ),
    Bug(
        "a canceled order drops its exits",
        "excess",
        "engine/wants.py",
        '        ends_now = order.winding and (order.winding != "protect" or not terms.exits)',
        "        ends_now = bool(order.winding)",
        "Canceling an order that holds a position leaves it bare.",
        100,
    ),
)

AMENDS = (
    Bug(
        "an amend keeps the old level in the index",
        "amend",
        "engine/arming.py",
        "        entry.channel.drop(entry)\n",
        "        if isinstance(entry, TrailEntry):\n            entry.channel.drop(entry)\n",
        "A stop that was moved away fires where it was before.",
        400,
    ),
    Bug(
        "an amended trail goes on at its old distance",
        "amend",
        "engine/evolve.py",
        "        if leg.armed:\n            arming.disarm(state, order, change.leg)",
        "        if leg.armed and leg.terms.trail is None:\n"
        "            arming.disarm(state, order, change.leg)",
        "The stop that was given room fires at its old distance.",
        200,
    ),
    Bug(
        "if_version is not looked at",
        "amend",
        "engine/changes.py",
        "    if command.if_version is not None and command.if_version != order.version:",
        "    if command.if_version is not None and command.if_version > order.version:",
        "A change made to what somebody saw long ago goes through.",
        400,
    ),
    Bug(
        "a frozen leg may be amended",
        "amend",
        "engine/changes.py",
        "        if holder not in scope.legs_under(order, child):\n            refuse(",
        "        if holder not in range(len(order.legs)):\n            refuse(",
        "A leg that may be recalled any moment is moved, and the trader told it was.",
        800,
    ),
)
