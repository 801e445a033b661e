"""Who is calling: logins and their sessions, access tokens, API keys, tickets for sockets, and the operator's own services.

Whatever is wrong with a credential, it is `Unauthenticated` with one and the same message: nobody learns what exists.
"""
