classdef Convolution2DLayer
    properties
        Name = 'conv'
        FilterSize = [3 2]
        NumChannels = 2
        NumFilters = 1
        Stride = [1 1]
        DilationFactor = [1 1]
        PaddingMode = 'manual'
        PaddingSize = [1 0 0 1]
        PaddingValue = 0
        Weights = reshape(single(1:12), 3, 2, 2)   % one filter: MATLAB drops the last axis
        Bias = single(-1)
        WeightsInitializer = @(size) ones(size)
    end
end
