"""Measures what the app's answers cost once a database has grown."""
