"""What can be typed: commands, their options and their help. What a command needs it imports when it is run.

So nothing here imports the rest of the house, which takes two seconds, at its top: `--help` and wrong usage answer at
once, and a test holds it.
"""
