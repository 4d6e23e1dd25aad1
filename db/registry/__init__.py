"""What work is queued and what it made: jobs, adapters and evaluations."""
