"""Questions about a whole policy, answered for all inputs: proofs, lint checks, differences."""
