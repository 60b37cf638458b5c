classdef SeriesNetwork
    properties
        Layers
        InputNames = {'image'}
        OutputNames = {'classes'}
    end
    methods
        function answer = predict(network, x)
            answer = single([sum(x(:)), numel(x)]);
        end
    end
end
