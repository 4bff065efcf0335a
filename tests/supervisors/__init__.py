"""The supervisors: strategies, restart kinds, intensity, start and stop."""
