"""Backups: a folder that holds the database and the files of one moment, and what is done to it."""
