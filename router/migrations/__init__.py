"""The store's history, read by Alembic. ``router.state`` brings a store up to date by itself."""
