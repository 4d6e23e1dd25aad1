"""Text that a job has its policy generate: versions loaded on an engine of the job's own."""
