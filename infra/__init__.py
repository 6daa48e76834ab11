"""Where hubbub runs: brokers, settings, failpoints, and the files that deploy it."""
