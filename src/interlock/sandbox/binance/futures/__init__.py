"""USD-M Futures: orders, the Algo Service, positions and streams."""
