"""Step 5, the memory: frames of facts made durable, read back, and shown as tables."""
