"""What covers the whole terminal, or asks something in front of it."""
