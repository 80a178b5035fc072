"""The words: numbers, instruments, documents, ids, refusals."""
