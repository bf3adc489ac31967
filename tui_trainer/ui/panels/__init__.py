"""Text panels of the dashboard: status, summary, log, findings, layers."""
