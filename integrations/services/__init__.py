"""The use cases: what crosses models, the remote API and matching. Doors call these only."""
