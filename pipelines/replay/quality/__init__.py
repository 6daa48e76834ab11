"""Data quality of a history: the expectations of schemas/, counted hot over all of it, and cold over its windows."""
