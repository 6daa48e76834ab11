"""A bundle that sorts texts into a user's own labels, with an answer for what is none of them."""
