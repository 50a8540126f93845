"""What do shoppers and programs meet? Pages and the API by Flask, and the live stream beside them."""
