"""Amazon Rekognition's operations, one module per resource family."""
