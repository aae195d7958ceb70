"""A request becomes events: HTTP client, SSE, chunks, thought, servers."""
