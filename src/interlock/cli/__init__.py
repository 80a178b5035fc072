"""What a person types: replay, demo, and looking into journals. Composes everything below it."""
