"""Step 2: the line. One inbox, one writer; decide, append, commit, act; recovery; replay."""
