"""How the frozen templates are made: a table of what common systems write, and its bundle."""
