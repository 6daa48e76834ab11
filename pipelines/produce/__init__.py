"""Rows from files and pipes into topics: read, settle what a row leaves out, check, write once."""
