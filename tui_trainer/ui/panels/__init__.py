"""Text panels: status, summary, log, findings, layers."""
