"""Instruments that speak in lines of text: `text_line` is the codec, `instruments` the devices."""
