"""Control of a loop: its pause, its next step, and the thread that serves viewers meanwhile."""
