"""Step 6: the venues. One port, one record of capabilities, one package per venue."""
