"""The use cases: what crosses models, the remote API and matching. Doors call these and nothing below them."""
