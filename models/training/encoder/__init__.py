"""The text encoder as it is trained, rounded and written down, whatever it is asked: see `text` and `intents`."""
