classdef ImageInputLayer
    properties
        Name = 'image'
        InputSize = [7 5 2]
        Normalization = 'zerocenter'
        NormalizationDimension = 'auto'
        Mean = reshape(single([0.25 -0.5]), 1, 1, 2)
    end
end
