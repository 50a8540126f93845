"""How is a window trained on, measured and published that is beyond one machine?"""
