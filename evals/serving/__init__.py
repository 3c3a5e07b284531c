"""What an answer costs in time and money, and which specialists are worth having."""
