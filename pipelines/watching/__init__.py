"""Looking at hubbub itself: metrics, health, and what `hubbub top` shows."""
