"""A claimed job: its order, its folder, its processes, and how it is cancelled."""
