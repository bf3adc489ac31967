"""`Monitor`: a training loop of the user's own, watched and steered from the same screen as the built-in one."""
