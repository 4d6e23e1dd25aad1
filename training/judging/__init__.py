"""The labelling of a campaign by a judge: what it is asked, its scores, the result."""
