"""What a site file may say, and what a person is told when it says something else."""
