"""A claimed job: payload, folder, processes, cancellation and atomic writes."""
