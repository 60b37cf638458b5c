"""What people do with a model beside asking it: train it, compile it, export it, copy it, move it, save it."""
