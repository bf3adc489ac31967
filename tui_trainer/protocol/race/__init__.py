"""Races: the settings that are tried against each other, and the events about them."""
