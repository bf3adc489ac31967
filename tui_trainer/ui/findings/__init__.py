"""The findings of a run as the screen uses them: pictures of the evidence, advice, and what their keys do."""
