"""What every floor stands on: contracts, errors, configuration, prices, records.

Imports nothing of ours.
"""
