"""The operator's console: pages made on the server; every click is a signed call through the gateway."""
