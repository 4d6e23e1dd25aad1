"""Accounts: who is who, who lets whom in, and what ends it."""
