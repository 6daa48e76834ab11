"""Failure forecasts: boosted trees over numbers about a device's last hours, calibrated on days they did not see."""
