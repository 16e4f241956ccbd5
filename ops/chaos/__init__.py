"""Everything that can die is killed at random, and every row is compared with an undisturbed run's."""
