"""The lecture's claims, each measured on a run that was just made."""
