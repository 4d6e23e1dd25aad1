"""Text generated for a job: versions loaded on the job's own engine."""
