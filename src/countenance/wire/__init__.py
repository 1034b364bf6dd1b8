"""AWS JSON 1.1 in and out, driven by the service models: no HTTP, no business."""
