"""Problems with verifiable answers: generators, data sets, and the check of a response."""
