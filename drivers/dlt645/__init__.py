"""DL/T 645-2007 and -1997: what the electricity meters of China speak on RS-485.

`frame` is the codec, `items` the table of what a meter can be asked for, `values` turns its digits into readings,
`question` what is put to a line, `reads` the fewest requests for the wanted points, `meter` a meter on a line,
`search` finding the addresses on it. Nothing here can write: five reading functions are all that can be encoded.
"""
