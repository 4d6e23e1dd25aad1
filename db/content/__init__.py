"""What is stored of texts: prompts, runs, rounds, scores, and the samples of jobs."""
