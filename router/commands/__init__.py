"""The commands of ``finroute``, one module each, loaded when used."""
