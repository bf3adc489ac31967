"""Rows of the lecture as a page to hand out: question, pictures of runs, formula, claims, exercises, links."""
