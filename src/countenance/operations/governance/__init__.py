"""Our own API's operations, in the same form as Rekognition's."""
