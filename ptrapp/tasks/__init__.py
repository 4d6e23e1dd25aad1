"""Problems with verifiable answers: generated families, and the check of a response."""
