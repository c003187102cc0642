"""What this site has: the site file in, a typed `Site` or *all* its mistakes out."""
