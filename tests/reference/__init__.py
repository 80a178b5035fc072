"""An independent reference for plain orders, and recorded markets to hold it against."""
