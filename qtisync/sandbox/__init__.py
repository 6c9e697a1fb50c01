"""An emulator of the QTI API: its own server, its own storage, its own rules.

It shares nothing with the rest of qtisync: an emulator built from the code that it tests would agree with its bugs.
"""
