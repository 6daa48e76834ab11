"""The doctor: looks at the machine, the settings, the broker and the models, and says what is wrong in plain words."""
