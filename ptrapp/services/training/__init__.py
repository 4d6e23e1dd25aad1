"""The Train page: what may be started and how long it takes, jobs by page, one job in full."""
