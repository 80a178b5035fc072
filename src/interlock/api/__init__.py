"""The server: requests become commands, and facts go back. Who may ask is decided here too."""
