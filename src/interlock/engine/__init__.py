"""Step 4: the decision. Pure: facts come out, state folds over them; no clock, chance or I/O."""
