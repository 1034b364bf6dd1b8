"""Bulk import: photos in folders, tables and other services, brought to a server as any client brings them.

An importer reaches no gallery: it calls the server, photo by photo, and keeps a ledger of what became of
each.
"""
