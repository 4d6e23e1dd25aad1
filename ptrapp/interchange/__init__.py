"""Files of preferences, ours and other programs', read into records and written from them."""
