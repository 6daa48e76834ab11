"""How the model of failure forecasts is taught and measured: on simulated days of the demo's house."""
