"""Screens printed as text: drawn without a terminal, once, for pipes, cron and mail."""
