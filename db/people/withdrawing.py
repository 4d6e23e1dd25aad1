"""Ends what somebody's rights made, once she has them no longer: links, and programs' tokens."""

from sqlalchemy.orm import Session

from db.people import invitations, tokens


def withdraw(session: Session, uid: str) -> None:
    """Ends the invitations and tokens that somebody made, and what those tokens' programs made.

    Without it, an admin who expects to be removed would leave herself a way back in.
    """
    to_do, done = {uid}, set[str]()
    while to_do:
        maker = to_do.pop()
        done.add(maker)
        invitations.revoke_by(session, maker)
        to_do |= tokens.revoke_by(session, maker) - done
