"""The console: what the service does, for people with a browser.

Pages are made here, on the server, and work without scripts; htmx alone keeps the feed, the charts
and the playground up to date. A page shows what its reader's role may see, of the one tenant of the
credential that they signed in with. All that comes from a model, a client or a policy is escaped.
"""
