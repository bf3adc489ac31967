"""The answers of the model: their page beside the charts, and the form that asks for them."""
