"""The wheel of a host: from whom commands are taken."""
