"""How property tests are run: as many examples as each asks for, never judged by the clock of a shared machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("hubbub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hubbub")
