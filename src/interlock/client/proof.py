"""Proof: with what a client shows who it is, a key that signs or an admin's session.

Decides which of the two a request carries. Invariant: a secret is never part of what is shown.
"""

from interlock.client.signing import signed_headers


class Proof:
    """Of one client. Requests of the owner's carry the session, where there is one."""

    def __init__(self, key_id: str, secret: str) -> None:
        self.key_id = key_id
        self._secret = secret
        self.session = ""

    def __repr__(self) -> str:
        return f"Proof({self.key_id!r})"

    def headers(self, method: str, target: str, body: bytes, owner: bool) -> dict[str, str]:
        if self.session and (owner or not self.key_id):
            return {"Authorization": f"Session {self.session}"}
        if self.key_id:
            return signed_headers(self.key_id, self._secret, method, target, body)
        return {}
