"""Running a side of a replay with other code: another checkout's or a wheel's, in a process of its own."""
