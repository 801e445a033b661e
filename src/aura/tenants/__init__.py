"""Organisations and what belongs to them before any document does: users, collections, provider keys and limits.

Two tenants share nothing here. A thing of another tenant and a thing that does not exist are answered alike.
"""
