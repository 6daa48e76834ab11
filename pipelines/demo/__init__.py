"""The demo: a simulated building whose devices talk, with troubles planted in it whose truth is known."""
