"""Fast loading of long journals: a cached state, a sampled load, a background load and an index by step."""
