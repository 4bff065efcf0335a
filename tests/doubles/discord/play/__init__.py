"""Who moves in the world by itself: living scenario, steady load, bursts."""
