"""Several runs side by side: the comparison, the leaderboard, and the baseline behind the charts."""
