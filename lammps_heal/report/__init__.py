"""A run as one HTML page: what was counted against time, pictures, and defects to be turned by hand."""
