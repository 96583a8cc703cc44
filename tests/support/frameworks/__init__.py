"""One small desk of tools, and for each framework a driver: a real agent with a scripted model."""
