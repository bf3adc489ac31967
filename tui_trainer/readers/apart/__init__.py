"""Read long logs in a process of its own, while another one draws what has been read."""
