"""The engine on Faust workers."""
