"""What is running and its limits: nothing here knows a request."""
