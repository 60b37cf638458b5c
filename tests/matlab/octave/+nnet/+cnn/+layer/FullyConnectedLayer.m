classdef FullyConnectedLayer
    properties
        Name = 'fc'
        InputSize = 'auto'
        OutputSize = 2
        Weights = reshape(single(1:60), 2, 30)
        Bias = single([1; 2])
    end
end
