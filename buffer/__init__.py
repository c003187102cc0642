"""What must survive a power cut: signed records awaiting delivery, kept as evidence."""
