"""Calls as agents write them (code, command lines, requests, manifests) to proposed calls."""
