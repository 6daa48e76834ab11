"""How it is wired: the pipelines, the engines that run them, replay, and the command line."""
