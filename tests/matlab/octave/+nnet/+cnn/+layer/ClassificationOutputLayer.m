classdef ClassificationOutputLayer
    properties
        Name = 'classes'
        Classes = {'cat'; 'dog'}
        OutputSize = 2
    end
end
