"""What flows through hubbub: topics, their rows, identity, and the JSON that carries them."""
