"""Reads files of preferences, native and of other programs, into records, and writes files."""
