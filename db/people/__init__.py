"""Who may come in: members, their browsers, invitations and programs' tokens."""
