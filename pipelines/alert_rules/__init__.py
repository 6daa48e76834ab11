"""Alert rules as a file: read, checked, explained, tested."""
