"""The database: the job queue, the vote log, rounds and adapters. Imports no other package."""
