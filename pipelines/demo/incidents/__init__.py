"""What can go wrong in the building, and what only looks as if it did, one family a file."""
