"""What each type of device says about itself on an ordinary day, one family of devices a file."""
