"""What is done to a batch of rows. No engine, broker, clock, metric or environment variable lives here."""
