"""The console: alerts, incidents and what stands behind them, in a browser. `pages.py` lists its pages."""
